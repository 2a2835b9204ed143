import { noCredentials } from '../../core/access/access-control.ts';
import type { Core } from '../../core/core.ts';
import { describeError, SwitchyardError } from '../../core/errors.ts';
import type { Scope } from '../../core/lifecycle/scope.ts';
import type { NutFrame, NutStream } from '../../wire/nut/nut.ts';
import { NutReader } from '../../wire/nut/reader.ts';
import type { Ffmpeg } from '../ffmpeg/ffmpeg.ts';
import { describeEnd, FfmpegProcess } from '../ffmpeg/ffmpeg-process.ts';
import { codecOf, FileTrack } from './file-track.ts';

export interface FilePlaybackSettings {
  readonly file: string;
  readonly streamName: string;
  readonly loop: boolean;
}

export interface FilePlaybackDependencies {
  readonly core: Pick<Core, 'clock' | 'sessions' | 'streams'>;
  readonly ffmpeg: Ffmpeg;
  readonly scope: Scope;
}

const maxFrameBytes = 16 << 20;
/** Frames that may come while the stream is being published. */
const mostEarly = 4_096;

/**
 * Publishes a file as it is, at its own speed: nothing is transcoded. Resolves when it is published; the publication ends with
 * the file. Throws `source-failed`, and what publishing throws.
 */
export async function playFile(settings: FilePlaybackSettings, dependencies: FilePlaybackDependencies): Promise<void> {
  const { streamName } = settings;
  const { core, ffmpeg } = dependencies;
  const { clock, sessions, streams } = core;
  const session = sessions.open({
    protocol: 'vod',
    remoteAddress: 'local',
    parent: dependencies.scope,
    inspect: () => ({ stream: streamName }),
  });
  const { scope } = session;
  let tracks: readonly FileTrack[] | undefined;
  let fault: string | undefined;
  const early: NutFrame[] = [];
  let tellStreams: (found: readonly NutStream[]) => void = () => undefined;
  const found = new Promise<readonly NutStream[]>((resolve) => {
    tellStreams = resolve;
  });
  const take = (frame: NutFrame): void => {
    if (tracks !== undefined) tracks[frame.stream]?.write(frame);
    else if (early.push(frame) > mostEarly) throw new Error('it comes faster than it can be published');
  };
  const reader = new NutReader({ maxFrameBytes }, { onStreams: tellStreams, onFrame: take });
  const { program, nice, grace } = ffmpeg.settings;
  const run = new FfmpegProcess(
    { program, args: fileArguments(settings), nice, grace },
    {
      clock,
      scope,
      onOutput: (bytes) => {
        if (fault !== undefined) return;
        try {
          reader.push(bytes);
        } catch (error) {
          fault = describeError(error);
          run.kill();
        }
      },
    },
  );
  run.endInput();
  try {
    const kinds = await Promise.race([found, run.ended.then((end) => Promise.reject(new Error(describeEnd(end))))]);
    const names = kinds.map(nameOf);
    const expects = kinds.map(({ kind }) => kind);
    const request = { name: streamName, session, credentials: noCredentials, onConflict: 'refuse', expects } as const;
    const publication = await streams.publish(request);
    const made = kinds.map((stream, index) => new FileTrack(names[index] ?? 'h264', stream, { publication, clock }));
    for (const frame of early.splice(0)) made[frame.stream]?.write(frame);
    tracks = made;
    void run.ended.then((end) => {
      const why = fault ?? (end.code === 0 ? undefined : describeEnd(end));
      void scope.close(why === undefined ? { code: 'done' } : { code: 'failed', detail: why });
    });
  } catch (error) {
    await scope.close({ code: 'failed', error });
    if (error instanceof SwitchyardError) throw error;
    throw new SwitchyardError(
      'source-failed',
      { stream: streamName, why: fault ?? describeError(error) },
      { cause: error },
    );
  }
}

function nameOf(stream: NutStream) {
  const name = codecOf(stream);
  if (name !== undefined) return name;
  const mark = stream.fourcc.replace(/[^\x20-\x7e]/g, '?');
  throw new Error(`its ${stream.kind} is in a codec that no stream has ("${mark}")`);
}

/** What ffmpeg is started with: one file and no other, of a kind that refers to none; paced, copied. */
function fileArguments({ file, loop }: FilePlaybackSettings): string[] {
  return [
    ...['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'error', '-re'],
    ...(loop ? ['-stream_loop', '-1'] : []),
    ...['-protocol_whitelist', 'file', '-format_whitelist', 'mov,matroska,flv,mp3,ogg,wav,flac,g722,g729'],
    ...['-i', `file:${file}`, '-map', '0:V:0?', '-map', '0:a:0?', '-c', 'copy', '-map_metadata', '-1'],
    ...['-flush_packets', '1', '-f', 'nut', '-write_index', '0', 'pipe:1'],
  ];
}
