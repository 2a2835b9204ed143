import { AccessUnit } from '../../core/media/access-unit.ts';
import type { CodecTarget } from '../../core/media/codec-target.ts';
import type { CodecDescriptor, PcmaCodec, PcmuCodec } from '../../core/media/codecs/codec-descriptor.ts';
import { pcmCodec } from '../../core/media/codecs/telephony.ts';
import type { RenditionOutput, Transcoder } from '../../core/renditions/transcoder.ts';
import type { Subscription } from '../../core/streams/subscription.ts';
import { crossG711, type G711Law } from './g711.ts';

/** One table look-up a sample. */
const cores = 0.001;

/** µ-law to A-law and back, at the same rate: a process would cost more than the work. */
export class G711Transcoder implements Transcoder {
  readonly name = 'g711';

  cost(from: CodecDescriptor, to: CodecTarget): number | undefined {
    const other = otherLaw(from);
    if (other === undefined || from.kind !== 'audio' || to.codec !== other || to.bitrate !== undefined)
      return undefined;
    const fits =
      (to.sampleRate ?? from.sampleRate) === from.sampleRate && (to.channels ?? from.channels) === from.channels;
    return fits ? cores : undefined;
  }

  async run(input: Subscription, output: RenditionOutput): Promise<void> {
    let source: CodecDescriptor | undefined;
    let made: PcmuCodec | PcmaCodec | undefined;
    for await (const { unit } of input) {
      const law = unit.codec.name as G711Law;
      const other = otherLaw(unit.codec);
      // The source became another codec: whoever can make something of that begins anew.
      if (other === undefined || unit.codec.kind !== 'audio') return;
      if (unit.codec !== source || made === undefined) {
        source = unit.codec;
        const { sampleRate, channels } = unit.codec;
        made = pcmCodec(other, { sampleRate, channels }) as PcmuCodec | PcmaCodec;
      }
      const { pts, dts, capturedAt } = unit;
      const parts = unit.parts.map((part) => crossG711(law, part));
      output.write(new AccessUnit({ codec: made, pts, dts, keyframe: true, parts, capturedAt }));
    }
  }
}

function otherLaw(codec: CodecDescriptor): G711Law | undefined {
  if (codec.name === 'pcmu') return 'pcma';
  return codec.name === 'pcma' ? 'pcmu' : undefined;
}
