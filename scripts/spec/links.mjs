// Relative links of Markdown documents.
import fs from 'node:fs';
import path from 'node:path';
import { headings, proseLines, sectionNumber } from './markdown.mjs';

const INLINE = /!?\[((?:[^[\]]|\[[^\]]*\])*)\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g;
const REFERENCE = /^ {0,3}\[([^\]]+)\]: +<?([^\s>]+)>?/g;
const ELSEWHERE = /^(?:[a-z][a-z+.-]*:|\/\/)/i;

/** The links of a document that stay in the repository: text, target, number of the line. */
export function findLinks(text) {
  return proseLines(text).flatMap(({ line, number }) => {
    const prose = line.replace(/(`+)[^`]*\1/g, (code) => '`'.repeat(code.length));
    return [...prose.matchAll(INLINE), ...prose.matchAll(REFERENCE)]
      .map(([, label, target]) => ({ label, target, line: number }))
      .filter(({ target }) => !ELSEWHERE.test(target));
  });
}

/** Says what is wrong with a link of a file, if anything is; `files` are those of the repository at `root` whose text is known. */
export function linkChecker(files, root) {
  const known = new Map();
  const headingsOf = (file) => {
    if (!known.has(file)) known.set(file, new Map(headings(files.get(file)).map((heading) => [heading.anchor, heading])));
    return known.get(file);
  };
  return ({ label, target }, file) => {
    const [address, anchor] = target.split('#');
    const place = address === '' ? file : path.posix.join(path.posix.dirname(file), address.replaceAll('%20', ' '));
    if (place.startsWith('..')) return 'leads out of the repository';
    if (!files.has(place) && !fs.existsSync(path.join(root, place))) return `there is no ${place}`;
    if (anchor === undefined || !place.endsWith('.md') || !files.has(place)) return undefined;
    const heading = headingsOf(place).get(anchor);
    if (!heading) return `${place} has no heading with the anchor #${anchor}`;
    const number = sectionNumber(`${label} `);
    if (number && number !== sectionNumber(heading.title)) return `leads to "${heading.title}", not to section ${number}`;
    return undefined;
  };
}
