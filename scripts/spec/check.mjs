// Reads a repository once and says what in it cites or links to nothing.
import fs from 'node:fs';
import path from 'node:path';
import { findCitations } from './citations.mjs';
import { findLinks, linkChecker } from './links.mjs';
import { readSections } from './sections.mjs';

/** Where citations are looked for. */
const CITING = new Set(['.rs', '.move', '.mjs', '.ts', '.md']);
/** What tools put beside the sources. */
const NOT_OURS = new Set(['.git', 'node_modules', 'target', 'build']);
/** The tests of this check cite what does not exist. */
const OWN_TESTS = 'scripts/spec/tests';

/** Every file of `root` that may cite, as path from `root` → text. */
function readFiles(root) {
  const files = new Map();
  const visit = (folder) => {
    for (const entry of fs.readdirSync(path.join(root, folder), { withFileTypes: true })) {
      const file = path.posix.join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!NOT_OURS.has(entry.name) && file !== OWN_TESTS) visit(file);
      } else if (entry.isFile() && CITING.has(path.extname(entry.name))) {
        files.set(file, fs.readFileSync(path.join(root, file), 'utf8'));
      }
    }
  };
  visit('');
  return files;
}

/** What is wrong with one citation, if anything is. */
function citationComplaint({ chapter, section, item, wrong }, sections) {
  if (wrong) return wrong;
  const known = sections.get(chapter);
  if (!known) return `docs/spec has no chapter ${chapter}`;
  const found = known.get(section);
  if (!found) return `the chapter ${chapter} has no section ${section}`;
  if (item && !found.items.has(item)) return `section ${section} of ${chapter} has no row or step ${item}`;
  return undefined;
}

/** What cites or links to nothing in the repository at `root`, and how much was looked at. */
export function check(root) {
  const files = readFiles(root);
  const { sections, complaints } = readSections(files);
  const linkComplaint = linkChecker(files, root);
  const counts = { citations: 0, links: 0 };
  for (const [file, text] of files) {
    for (const citation of findCitations(text)) {
      counts.citations += 1;
      const complaint = citationComplaint(citation, sections);
      if (complaint) complaints.push(`${file}:${citation.line}: "${citation.text}": ${complaint}`);
    }
    if (!file.endsWith('.md')) continue;
    for (const link of findLinks(text)) {
      counts.links += 1;
      const complaint = linkComplaint(link, file);
      if (complaint) complaints.push(`${file}:${link.line}: "${link.target}": ${complaint}`);
    }
  }
  return { complaints, ...counts };
}
