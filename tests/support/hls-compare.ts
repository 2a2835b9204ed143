import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AccessUnit } from '../../core/media/access-unit.ts';
import { readAdtsHeader } from '../../wire/codec-records/adts.ts';
import { splitAnnexB } from '../../wire/codec-records/nal.ts';
import { type FrameTable, readFrameTable } from './frame-table.ts';
import { type Clip, run } from './media-source.ts';

/**
 * That ffmpeg, reading `url` to its end, gets every unit of `clip` from the first picture on: the same pictures and
 * sound frames byte by byte, and the same times up to one shift for all.
 */
export async function compareWithClip(url: string, clip: Clip): Promise<void> {
  const quiet = ['-hide_banner', '-loglevel', 'error', '-nostdin', '-live_start_index', '0', '-i', url];
  const video = clip.units.filter(({ codec }) => codec.kind === 'video');
  const audio = clip.units.filter(({ codec }) => codec.kind === 'audio');
  const name = video[0]?.codec.name;
  const outputs: string[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'hls-'));
  const files = { video: join(folder, 'video.es'), audio: join(folder, 'audio.adts') };
  if (video.length > 0) outputs.push('-map', '0:v', '-c', 'copy', '-f', name === 'h265' ? 'hevc' : 'h264', files.video);
  if (audio.length > 0) outputs.push('-map', '0:a', '-c', 'copy', '-f', 'adts', files.audio);
  outputs.push('-map', '0', '-c', 'copy', '-copyts', '-f', 'framecrc', 'pipe:1');
  const table = await run('ffmpeg', [...quiet, ...outputs]);
  if (video.length > 0) {
    const read = splitAnnexB(await readFile(files.video), 'test');
    const isH265 = name === 'h265';
    const got = read.filter((unit) => isPicture(unit, isH265));
    const sent = video.flatMap(({ parts }) => parts.filter((unit) => isPicture(unit, isH265)));
    assertSame(got, sent, 'NAL units');
  }
  if (audio.length > 0) {
    const read = splitAdtsFrames(await readFile(files.audio));
    // Who joins gets the sound that goes with the first picture; sound alone has no cache, and begins when it came.
    assert.ok(
      read.length >= audio.length - (video.length > 0 ? 4 : 70),
      `${read.length} of ${audio.length} AAC frames`,
    );
    audio.splice(0, audio.length - read.length);
    assertSame(
      read,
      audio.flatMap(({ parts }) => parts),
      'AAC frames',
    );
  }
  assertTimes(readFrameTable(table), video, audio);
  await rm(folder, { recursive: true });
}

function isPicture(unit: Buffer, isH265: boolean): boolean {
  const type = isH265 ? ((unit[0] ?? 0) >> 1) & 0x3f : (unit[0] ?? 0) & 0x1f;
  return isH265 ? type < 32 : type <= 5;
}

/** Frames without their headers. */
export function splitAdtsFrames(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at + 7 <= bytes.length; ) {
    const header = readAdtsHeader(bytes, at);
    frames.push(bytes.subarray(at + header.headerLength, at + header.frameLength));
    at += header.frameLength;
  }
  return frames;
}

function assertSame(got: readonly Buffer[], sent: readonly Buffer[], what: string): void {
  assert.equal(got.length, sent.length, `${what}: count`);
  got.forEach((one, index) => assert.ok(one.equals(sent[index] as Buffer), `${what}: ${index} of ${sent.length}`));
}

/** Times of all units against the clip's, up to one shift for all tracks: the offset between sound and picture holds. */
function assertTimes(table: FrameTable, video: readonly AccessUnit[], audio: readonly AccessUnit[]): void {
  const tracks = video.length > 0 && audio.length > 0 ? [video, audio] : [video.length > 0 ? video : audio];
  let shift: number | undefined;
  tracks.forEach((units, stream) => {
    const base = table.timeBases.get(stream) ?? 1;
    const read = table.of(stream);
    assert.equal(read.length, units.length);
    read.forEach(({ dts, pts }, index) => {
      const unit = units[index] as AccessUnit;
      const seconds = pts * base;
      shift ??= seconds - unit.pts / 1e6;
      assert.ok(
        Math.abs(seconds - shift - unit.pts / 1e6) < 0.0011,
        `pts of unit ${index} of track ${stream}: ${seconds}`,
      );
      assert.ok(Math.abs(dts * base - shift - unit.dts / 1e6) < 0.0011, `dts of unit ${index} of track ${stream}`);
    });
  });
}
