import type { BoxWriter } from './box-writer.ts';
import { OBJECT_TYPE_AAC, OBJECT_TYPE_MP3, writeEsds } from './descriptors.ts';
import type { Fmp4AudioTrack, Fmp4Track, Fmp4VideoTrack } from './track.ts';

/** `stsd` with the one sample entry of a track (ISO/IEC 14496-12 8.5.2). */
export function writeSampleDescription(out: BoxWriter, track: Fmp4Track): void {
  const stsd = out.beginFull('stsd', 0, 0);
  out.u32(1);
  if (track.kind === 'video') writeVideoEntry(out, track);
  else writeAudioEntry(out, track);
  out.end(stsd);
}

/** VisualSampleEntry, ISO/IEC 14496-12 12.1.3. */
function writeVideoEntry(out: BoxWriter, track: Fmp4VideoTrack): void {
  const entry = out.begin(track.codec);
  out.zeros(6);
  out.u16(1); // data_reference_index
  out.zeros(16);
  out.u16(track.width);
  out.u16(track.height);
  out.u32(0x0048_0000); // 72 dpi
  out.u32(0x0048_0000);
  out.u32(0);
  out.u16(1); // frames a sample
  out.zeros(32); // compressorname
  out.u16(0x0018); // depth: colour without alpha
  out.u16(0xffff);
  writeVideoConfig(out, track);
  if (track.colour !== undefined) {
    const colr = out.begin('colr');
    out.latin1('nclx');
    out.u16(track.colour.primaries);
    out.u16(track.colour.transfer);
    out.u16(track.colour.matrix);
    out.u8(track.colour.fullRange ? 0x80 : 0);
    out.end(colr);
  }
  if (track.pixelAspect !== undefined) {
    const pasp = out.begin('pasp');
    out.u32(track.pixelAspect.horizontal);
    out.u32(track.pixelAspect.vertical);
    out.end(pasp);
  }
  out.end(entry);
}

function writeVideoConfig(out: BoxWriter, track: Fmp4VideoTrack): void {
  const box = beginVideoConfig(out, track);
  out.bytes(track.config);
  out.end(box);
}

function beginVideoConfig(out: BoxWriter, track: Fmp4VideoTrack): number {
  switch (track.codec) {
    case 'avc1':
      return out.begin('avcC'); // ISO/IEC 14496-15 5.4.2.1
    case 'hvc1':
      return out.begin('hvcC'); // ISO/IEC 14496-15 8.4.1.1
    case 'av01':
      return out.begin('av1C'); // AV1-ISOBMFF 2.3
    case 'vp08':
    case 'vp09':
      return out.beginFull('vpcC', 1, 0); // VP Codec ISO Media File Format Binding 1.0, 2.2
  }
}

/** AudioSampleEntry, ISO/IEC 14496-12 12.2.3. */
function writeAudioEntry(out: BoxWriter, track: Fmp4AudioTrack): void {
  const entry = out.begin(track.codec.slice(0, 4));
  out.zeros(6);
  out.u16(1); // data_reference_index
  out.zeros(8);
  out.u16(track.channels);
  out.u16(16); // samplesize
  out.zeros(4);
  // 16.16 cannot hold a rate above 65535: players then take it from the decoder's configuration.
  const rate = track.codec === 'Opus' ? 48000 : track.sampleRate;
  out.u16(rate > 0xffff ? 0 : rate);
  out.u16(0);
  switch (track.codec) {
    case 'mp4a.40':
      writeEsds(out, OBJECT_TYPE_AAC, track.config, track.bitrate ?? 0);
      break;
    case 'mp4a.6B':
      writeEsds(out, OBJECT_TYPE_MP3, track.config, track.bitrate ?? 0);
      break;
    case 'Opus': {
      const dops = out.begin('dOps'); // Opus in ISOBMFF 4.3.2
      out.bytes(track.config);
      out.end(dops);
      break;
    }
    case 'fLaC': {
      const dfla = out.beginFull('dfLa', 0, 0); // FLAC in ISOBMFF 3.3.2
      out.bytes(track.config);
      out.end(dfla);
      break;
    }
  }
  out.end(entry);
}
