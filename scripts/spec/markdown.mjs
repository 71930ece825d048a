// As much of Markdown as is needed to find headings, anchors and links.

/** The lines outside of fenced code, each with its number, counted from 1. */
export function proseLines(text) {
  const lines = [];
  let fence;
  for (const [index, line] of text.split('\n').entries()) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence) {
      if (mark?.startsWith(fence) && line.trim() === mark) fence = undefined;
    } else if (mark) {
      fence = mark;
    } else {
      lines.push({ line, number: index + 1 });
    }
  }
  return lines;
}

/** The anchor that GitHub gives a heading: its visible text in lower case without punctuation, with hyphens for spaces. */
function slug(title) {
  const visible = title.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').trim();
  return visible.toLowerCase().replace(/[^\p{L}\p{M}\p{Nd}\p{Pc}\- ]/gu, '').replaceAll(' ', '-');
}

/** The headings of a document: level, title, anchor, number of the line. A repeated title gets a counter. */
export function headings(text) {
  const seen = new Map();
  const found = [];
  for (const { line, number } of proseLines(text)) {
    const [, marks, title] = /^ {0,3}(#{1,6}) +(.*?)(?: +#+)? *$/.exec(line) ?? [];
    if (!marks) continue;
    const plain = slug(title);
    const before = seen.get(plain) ?? 0;
    seen.set(plain, before + 1);
    found.push({ level: marks.length, title, anchor: before === 0 ? plain : `${plain}-${before}`, line: number });
  }
  return found;
}

/** The number that a heading begins with: `2.5`, or a letter for an appendix (`A`, `A.1`). */
export function sectionNumber(title) {
  return /^(?:Appendix )?([A-Z](?:\.\d+)*|\d+(?:\.\d+)*)\.? /.exec(title)?.[1];
}
