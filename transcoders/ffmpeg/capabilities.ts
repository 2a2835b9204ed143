import type { Scope } from '../../core/lifecycle/scope.ts';
import type { Clock } from '../../core/time/clock.ts';
import { seconds } from '../../core/time/micros.ts';
import { askFfmpeg } from './ffmpeg-process.ts';

/** What one ffmpeg can do. */
export interface FfmpegCapabilities {
  readonly version: string;
  readonly encoders: ReadonlySet<string>;
  readonly decoders: ReadonlySet<string>;
  readonly filters: ReadonlySet<string>;
  /** Ways of hardware acceleration that it was built with; whether the host has them shows when they are used. */
  readonly hardware: ReadonlySet<string>;
}

const longestAnswer = 1 << 20;

/** Asks the program once. Rejects when it is not there, or does not answer as ffmpeg does. */
export async function probeFfmpeg(
  program: string,
  dependencies: { readonly clock: Clock; readonly scope: Scope },
): Promise<FfmpegCapabilities> {
  const ask = async (question: string): Promise<string> => {
    const args = ['-hide_banner', '-nostdin', question];
    const settings = { program, args, nice: 0, timeout: seconds(10), longest: longestAnswer };
    return (await askFfmpeg(settings, dependencies)).toString();
  };
  const [version, encoders, decoders, filters, hardware] = await Promise.all(
    ['-version', '-encoders', '-decoders', '-filters', '-hwaccels'].map(ask),
  );
  const found = /^ffmpeg version (\S+)/.exec(version ?? '');
  if (found === null) throw new Error('it does not say that it is ffmpeg');
  return {
    version: found[1] ?? '',
    // ` A....D aac   AAC (Advanced Audio Coding)`; filters have three flags, ` TSC scale   V->V …`
    encoders: namesIn(encoders ?? '', /^ [VASFXBDP.]{6} ([\w-]+) /gm),
    decoders: namesIn(decoders ?? '', /^ [VASFXBDP.]{6} ([\w-]+) /gm),
    filters: namesIn(filters ?? '', /^ [TSC.]{3} ([\w-]+) /gm),
    hardware: namesIn(hardware ?? '', /^([a-z]\w+)$/gm),
  };
}

function namesIn(text: string, pattern: RegExp): ReadonlySet<string> {
  return new Set([...text.matchAll(pattern)].map(([, name]) => name ?? ''));
}
