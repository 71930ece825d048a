// What can be cited: the numbered sections of docs/spec, and the numbered rows and steps in them.
import { headings, sectionNumber } from './markdown.mjs';

const HOME = 'docs/spec/';

/** The chapter that a file is, or is a part of: `docs/spec/node/events.md` is a part of `node`. */
function chapterOf(file) {
  return file.startsWith(HOME) ? file.slice(HOME.length).split('/')[0].replace(/\.md$/, '') : undefined;
}

/** The numbers that lines begin with: steps of a list (`3. …`) and rows of a table (`| 3 | …`). */
function numberedItems(lines) {
  const numbers = lines.map((line) => /^ {0,3}(?:\| *(\d+) *\||(\d+)\. )/.exec(line)).filter(Boolean);
  return new Set(numbers.map(([, row, step]) => row ?? step));
}

/** chapter → number of a section → where it is and what is numbered in it; and complaints about numbers that repeat. */
export function readSections(files) {
  const sections = new Map();
  const complaints = [];
  for (const [file, text] of files) {
    const chapter = chapterOf(file);
    if (!chapter || !file.endsWith('.md')) continue;
    if (!sections.has(chapter)) sections.set(chapter, new Map());
    const known = sections.get(chapter);
    const all = headings(text);
    const lines = text.split('\n');
    for (const [index, heading] of all.entries()) {
      const number = heading.level > 1 ? sectionNumber(heading.title) : undefined;
      if (!number) continue;
      if (known.has(number)) complaints.push(`${file}:${heading.line}: section ${number} of ${chapter} is also ${known.get(number).place}`);
      else known.set(number, { place: `${file}:${heading.line}`, items: numberedItems(lines.slice(heading.line, all[index + 1]?.line)) });
    }
  }
  return { sections, complaints };
}
