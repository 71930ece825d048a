// Finds citations of the specification in any text: prose, comments, documentation of code.

const CHAPTER = '(encoding|contracts|client|node|devchain|manifest|proof|access|sites)';
const SPEC = 'spec(?:ification)?';
/** What a number is: a section, an appendix, or a row or step of the section named before. */
const KIND = '(?:([Ss]ections?|[Aa]ppendix|[Aa]ppendices)|(rows?|steps?|numbers?|weakness(?:es)?))';
const NUMBER = '([A-Z](?:\\.\\d+)*|\\d+(?:\\.\\d+)*)';

/** `client spec 2.5`, `the node spec, appendix A`, `contracts, section 4.1`; the list of numbers follows. */
const HEAD = new RegExp(`\\b${CHAPTER}(?: ${SPEC},?|, (?=sections? |appendix |appendices )) ?`, 'gi');
/** `sections 3 and 4 of the contracts specification`: the list stands before. */
const TAIL = new RegExp(`\\b((?:sections?|appendix|appendices) (?:[A-Z\\d, –]|\\.(?=\\d)|and|to|or)+) of the ${CHAPTER} ${SPEC}\\b`, 'gi');
const FIRST = new RegExp(`^(?:${KIND} )?${NUMBER}(?![\\w-])`);
const NEXT = new RegExp(`^(?:,? and |,? or |, | to |–| )(?:${KIND} )?${NUMBER}(?![\\w-])`);
/** A number of a section of something that is called a specification, without the chapter. */
const NAMELESS = new RegExp(
  `(?<!\\b${CHAPTER} )\\b(?:${SPEC}(?:'s)?[,:]? (?:its )?(?:sections?|appendix) [0-9A-Z]|spec \\d+\\.\\d|sections? [\\d.]+ of (?:the|its) (?!${CHAPTER} )[\\w ]{0,30}${SPEC})[\\d.]*`,
  'gi',
);

/** The text in one line, without the marks at the beginnings of lines, and how to get from a place in it to a line's number. */
function flatten(text) {
  const starts = [];
  let flat = '';
  for (const line of text.split('\n')) {
    starts.push(flat.length);
    flat += `${line.replace(/^\s*(?:\/\/[/!]?|\/\*+|\*(?= )|#+(?= )|>)?\s*/, '').trimEnd()} `;
  }
  const lineAt = (place) => {
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle] <= place) low = middle;
      else high = middle;
    }
    return low + 1;
  };
  return { flat, lineAt };
}

/** The sections, and rows and steps in them, that a list like `2.3 rows 4 and 5, 2.10 step 4 and appendix D` names. */
function readList(text) {
  const named = [];
  let rest = text;
  let section;
  let inItems = false;
  for (let pattern = FIRST; ; pattern = NEXT) {
    const match = pattern.exec(rest);
    if (!match) break;
    const [whole, ofSection, ofItem, number] = match;
    const isLetter = /^[A-Z]/.test(number);
    // A letter is an appendix only where the word says so, or another one was named before; a blank separates only words.
    if (isLetter && !/^append/i.test(ofSection ?? '') && !/^[A-Z]/.test(section ?? '')) break;
    if (/^ \d/.test(whole) || (ofItem && !section)) break;
    if (ofSection || number.includes('.') || isLetter) inItems = false;
    else if (ofItem) inItems = true;
    if (!inItems) section = number;
    named.push({ section, item: inItems ? number : undefined });
    rest = rest.slice(whole.length);
  }
  return { named, length: text.length - rest.length };
}

/**
 * Every citation: the line it begins in, its text, chapter and section, and the row or step (`item`) if it names one. One that can
 * be no citation of a chapter has `wrong` instead, which says why.
 */
export function findCitations(text) {
  if (!/spec|section/i.test(text)) return [];
  const { flat, lineAt } = flatten(text);
  const found = [];
  const add = (place, chapter, whole, named) => {
    const common = { line: lineAt(place), text: whole.trim(), chapter: chapter.toLowerCase() };
    for (const one of named) found.push({ ...common, ...one });
  };
  for (const match of flat.matchAll(HEAD)) {
    const end = match.index + match[0].length;
    const { named, length } = readList(flat.slice(end, end + 120));
    add(match.index, match[1], flat.slice(match.index, end + length), named);
  }
  for (const match of flat.matchAll(TAIL)) add(match.index, match[2], match[0], readList(match[1]).named);
  for (const match of flat.matchAll(NAMELESS)) {
    found.push({ line: lineAt(match.index), text: match[0], wrong: 'names no chapter (as in "client spec 2.5")' });
  }
  return found;
}
