import { AccessUnit } from '../../core/media/access-unit.ts';
import type { AudioCodec, CodecDescriptor } from '../../core/media/codecs/codec-descriptor.ts';
import { flacCodec } from '../../core/media/codecs/flac.ts';
import { InBandCodec } from '../../core/media/codecs/in-band-codec.ts';
import { isKeyframe } from '../../core/media/codecs/keyframe.ts';
import { mp3Codec } from '../../core/media/codecs/mp3.ts';
import { opusCodec } from '../../core/media/codecs/opus.ts';
import { fromTicks, type Micros, seconds } from '../../core/time/micros.ts';
import { readFlacRecord } from '../../wire/codec-records/flac-record.ts';
import { splitObus } from '../../wire/codec-records/obu.ts';
import { readFragments, sampleBytes } from '../../wire/fmp4/fragment-reader.ts';
import { type InitTrack, readInitSegment } from '../../wire/fmp4/init-reader.ts';
import { type Clip, run } from './media-source.ts';

const videoEncoders = {
  vp9: ['libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8'],
  av1: ['libsvtav1', '-preset', '12'],
} as const;
const audioEncoders = { opus: ['libopus'], flac: ['flac'], mp3: ['libmp3lame'] } as const;

/** A clip in codecs that MPEG-TS does not carry, made by ffmpeg in fragmented MP4. */
export async function makeMp4Clip(video: 'vp9' | 'av1', audio: 'opus' | 'flac' | 'mp3', length = 4): Promise<Clip> {
  const argv = ['-hide_banner', '-loglevel', 'error', '-nostdin'];
  argv.push(
    '-f',
    'lavfi',
    '-i',
    'testsrc2=size=320x180:rate=30',
    '-f',
    'lavfi',
    '-i',
    'sine=frequency=440:sample_rate=48000',
  );
  argv.push(
    '-c:v',
    ...videoEncoders[video],
    '-g',
    '30',
    '-pix_fmt',
    'yuv420p',
    '-c:a',
    ...audioEncoders[audio],
    '-ac',
    '2',
  );
  argv.push('-strict', '-2', '-t', String(length), '-f', 'mp4', '-movflags', 'frag_keyframe+empty_moov', 'pipe:1');
  const bytes = await run('ffmpeg', argv);
  const init = readInitSegment(bytes);
  const units: AccessUnit[] = [];
  for (const track of init.tracks) units.push(...unitsOf(bytes, track, track.kind === 'video' ? video : audio));
  return { units: units.filter(({ dts }) => dts >= 0).sort((a, b) => a.dts - b.dts), duration: seconds(length) };
}

function* unitsOf(
  bytes: Buffer,
  track: InitTrack,
  name: 'vp9' | 'av1' | 'opus' | 'flac' | 'mp3',
): Generator<AccessUnit> {
  const inBand = name === 'vp9' || name === 'av1' ? new InBandCodec(name) : undefined;
  let codec: CodecDescriptor | undefined;
  for (const fragment of readFragments(bytes, readInitSegment(bytes))) {
    for (const { samples } of fragment.tracks.filter(({ trackId }) => trackId === track.trackId)) {
      for (const sample of samples) {
        const payload = sampleBytes(bytes, sample);
        const parts = name === 'av1' ? splitObus(payload, 'test') : [payload];
        codec = inBand === undefined ? (codec ?? audioCodec(name, track, payload)) : inBand.update(parts);
        if (codec === undefined) continue;
        const at = (time: number): Micros => fromTicks(time, track.timescale);
        const keyframe = codec.kind === 'audio' || isKeyframe(codec.name, parts);
        yield new AccessUnit({ codec, pts: at(sample.cts), dts: at(sample.dts), keyframe, parts });
      }
    }
  }
}

function audioCodec(name: string, track: InitTrack, frame: Buffer): AudioCodec {
  if (name === 'opus') return opusCodec({ channels: track.channels });
  if (name === 'flac') return flacCodec(readFlacRecord(track.config).streamInfo);
  return mp3Codec(frame);
}
