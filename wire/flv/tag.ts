/** FLV tag bodies, both ways, in one place to import from: audio (8) and video (9), in files and in RTMP messages. */
export * from './audio.ts';
export * from './audio-writer.ts';
export type { FlvAudioCodec, FlvVideoCodec } from './codes.ts';
export { type FlvMultitrackLayout, flvFormat } from './enhanced.ts';
export * from './video.ts';
export * from './video-writer.ts';
