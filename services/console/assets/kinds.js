// Kinds of media, by the first bytes: what a file is called, or said to be, is only what somebody wrote.

/** Bytes that have to be seen. */
export const HEAD = 64;

const text = (bytes, start, length) => String.fromCharCode(...bytes.subarray(start, start + length));

/**
 * How a browser shows it: `video`, `audio`, `img`; `null` for anything that it does not show on its own. What is markup is never
 * shown: it may be a program.
 *
 * @param {Uint8Array} bytes The first of them, `HEAD` if there are as many.
 */
export function kindOf(bytes) {
  if (text(bytes, 4, 4) === 'ftyp') {
    const brand = text(bytes, 8, 4);
    if (brand.startsWith('M4A')) return 'audio';
    return ['avif', 'avis'].includes(brand) ? 'img' : 'video';
  }
  // Matroska, of which WebM is a part.
  if (text(bytes, 0, 4) === '\x1a\x45\xdf\xa3') return 'video';
  if (text(bytes, 0, 4) === 'OggS') return text(bytes, 28, 8).includes('theora') ? 'video' : 'audio';
  if (text(bytes, 0, 4) === 'RIFF') {
    return { 'WAVE': 'audio', 'WEBP': 'img' }[text(bytes, 8, 4)] ?? null;
  }
  if (text(bytes, 0, 3) === 'ID3' || text(bytes, 0, 4) === 'fLaC') return 'audio';
  // A frame of MPEG audio, layer 3.
  if (bytes[0] === 0xff && (bytes[1] & 0xe6) === 0xe2) return 'audio';
  if (text(bytes, 0, 8) === '\x89PNG\r\n\x1a\n' || text(bytes, 0, 3) === '\xff\xd8\xff') return 'img';
  if (/^GIF8[79]a$/.test(text(bytes, 0, 6))) return 'img';
  return null;
}
