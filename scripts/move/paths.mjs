// Where things lie, relative to this file: the tool works from any checkout.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const TOOL_DIR = path.dirname(fileURLToPath(import.meta.url));
export const REPOSITORY = path.resolve(TOOL_DIR, '../..');

/** The folders of one run. `moveDir` holds the packages; it may lie elsewhere for trials. */
export function layout(moveDir) {
  const own = path.join(REPOSITORY, 'move');
  const dir = moveDir ? path.resolve(moveDir) : own;
  return {
    moveDir: dir,
    artifacts: path.join(dir, 'artifacts'),
    lock: path.join(path.dirname(dir), 'Move.lock'),
  };
}

/** Every file below `dir` whose relative path `keep` accepts, as relative path → text. */
export function readTree(dir, keep) {
  const files = {};
  const visit = (folder) => {
    for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
      const full = path.join(folder, entry.name);
      if (entry.isDirectory()) {
        visit(full);
        continue;
      }
      const relative = path.relative(dir, full).split(path.sep).join('/');
      if (keep(relative)) files[relative] = fs.readFileSync(full, 'utf8');
    }
  };
  visit(dir);
  // The compiler's output must not depend on the order in which a file system lists files.
  return Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Writes a file in one step, so that a reader never sees half of it. */
export function writeWhole(file, text) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  fs.writeFileSync(temporary, text);
  fs.renameSync(temporary, file);
}
