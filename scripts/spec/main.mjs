// The command `scripts/spec-citations`.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { check } from './check.mjs';

const USAGE = `Checks that every citation of the specification names a chapter and a section that exist in docs/spec, and that every
relative link in a Markdown file leads to a file and an anchor that exist.

Usage: scripts/spec-citations [FOLDER]

FOLDER is the repository to check (default: the one that this script lies in).`;

const [folder, ...rest] = process.argv.slice(2);
if (folder === '-h' || folder === '--help') {
  console.log(USAGE);
} else if (rest.length > 0 || folder?.startsWith('-')) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  const own = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
  const { complaints, citations, links } = check(path.resolve(folder ?? own));
  for (const text of complaints) console.log(`error: ${text}`);
  if (complaints.length > 0) process.exitCode = 1;
  else console.log(`${citations} citations of the specification and ${links} links lead somewhere`);
}
