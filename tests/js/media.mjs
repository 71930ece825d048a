// Films made by ffmpeg, for tests of players. Nothing of them is anybody's.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const FFMPEG = process.env.FFMPEG_BIN ?? 'ffmpeg';

/**
 * Makes a film of moving test patterns, H.264 in MP4. Its index is at the end, as ffmpeg writes it unless told otherwise.
 *
 * @param {string} file Where.
 * @param {{ seconds: number, kilobits: number }} options How long, and how many kilobits a second, which are filled up.
 */
export async function makeFilm(file, { seconds, kilobits }) {
  const rate = `${kilobits}k`;
  await promisify(execFile)(FFMPEG, [
    '-nostdin', '-loglevel', 'error', '-y',
    '-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=10:duration=${seconds}`,
    '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '10',
    '-b:v', rate, '-minrate', rate, '-maxrate', rate, '-bufsize', rate, '-x264-params', 'nal-hrd=cbr',
    '-fflags', '+bitexact', file,
  ]);
}
