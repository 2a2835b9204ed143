import type { Scope } from '../../core/lifecycle/scope.ts';
import type { AccessUnit } from '../../core/media/access-unit.ts';
import type { CodecDescriptor } from '../../core/media/codecs/codec-descriptor.ts';
import { sameCodec } from '../../core/media/codecs/same-codec.ts';
import type { RenditionOutput } from '../../core/renditions/transcoder.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import { seconds } from '../../core/time/micros.ts';
import { Conversion, type ConversionPlan } from './conversion.ts';
import type { Ffmpeg } from './ffmpeg.ts';

export interface ConvertSettings {
  /** The process for a source codec; called again when the source changes. */
  readonly plan: (from: CodecDescriptor) => ConversionPlan;
  /** The marks of the next unit; absent for audio. */
  readonly marks?: (unit: AccessUnit, first: boolean) => number;
}

/** A pause of the source longer than this, or a step back, begins a process anew: silence would have to be made for it. */
const longestGap = seconds(1);

/**
 * Reads a subscription of one track to its end through ffmpeg. The source may change its parameters: what the old
 * process has is waited for, and another one goes on, so the result has no hole but the source's own. Resolves when the
 * input has ended; throws `transcoder-failed`.
 */
export async function convert(
  settings: ConvertSettings,
  dependencies: { ffmpeg: Ffmpeg; input: Subscription; output: RenditionOutput; scope: Scope },
): Promise<void> {
  const { ffmpeg, input, output, scope } = dependencies;
  let wake: () => void = () => undefined;
  let conversion: Conversion | undefined;
  let lastPts = 0;
  const waitForMore = (): Promise<boolean> =>
    new Promise((resolve) => {
      wake = () => resolve(true);
      void input.ready().then(resolve);
    });
  while (await waitForMore()) {
    conversion?.check();
    for (let next = input.pull(); next !== undefined; next = input.pull()) {
      const { unit } = next;
      const first = conversion === undefined || !continues(conversion, unit, lastPts);
      if (first) {
        await conversion?.finish();
        if (scope.closed) return;
        conversion = new Conversion(settings.plan(unit.codec), {
          ffmpeg,
          scope,
          onUnit: (made) => output.write(made),
          onEnd: () => wake(),
        });
      }
      lastPts = unit.pts;
      conversion?.write(unit, settings.marks?.(unit, first) ?? 0);
      if (conversion?.keepsUp === false) await conversion.ready();
      conversion?.check();
    }
  }
  if (!scope.closed) await conversion?.finish();
}

function continues(conversion: Conversion, unit: AccessUnit, lastPts: number): boolean {
  if (Math.abs(unit.pts - lastPts) > longestGap) return false;
  return unit.codec === conversion.from || sameCodec(unit.codec, conversion.from);
}
