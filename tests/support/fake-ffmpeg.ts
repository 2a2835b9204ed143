import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface FakeFfmpegOptions {
  readonly encoders: readonly string[];
  /** What it says when it is to encode with one of these, before it fails. */
  readonly faults?: Readonly<Record<string, string>>;
  /** What it says when it is to convert a stream with one of these. */
  readonly faultsAtWork?: Readonly<Record<string, string>>;
  /** Whether it takes in what it is to convert and gives nothing, until it is told to end. */
  readonly stalls?: boolean;
}

/**
 * A program that answers as ffmpeg does when it is asked what it can do, and that encodes nothing but an exit code. Each
 * call's arguments are a line of `calls`.
 */
export function makeFakeFfmpeg({ encoders, faults = {}, faultsAtWork = {}, stalls = false }: FakeFfmpegOptions): {
  readonly program: string;
  readonly calls: string;
  readonly remove: () => void;
} {
  const folder = mkdtempSync(join(tmpdir(), 'fake-ffmpeg-'));
  const [program, calls] = [join(folder, 'ffmpeg'), join(folder, 'calls')];
  const listed = encoders.map((name) => ` V....D ${name}   An encoder`).join('\n');
  const failing = Object.entries(faults).map(([name, fault]) => `*" -c:v ${name} "*) echo "${fault}" >&2; exit 1 ;;`);
  const working = Object.entries(faultsAtWork).map(
    ([name, fault]) => `*" pipe:0 "*" -c:v ${name} "*) echo "${fault}" >&2; exit 1 ;;`,
  );
  writeFileSync(
    program,
    `#!/bin/sh
echo "$*" >> '${calls}'
case " $* " in
*" -version "*) echo 'ffmpeg version 9.9-fake Copyright' ;;
*" -encoders "*) cat <<'LIST'
${listed}
LIST
;;
*" -decoders "*) echo ' V....D h264   A decoder' ;;
${failing.join('\n')}
${working.join('\n')}
${stalls ? '*" pipe:0 "*) exec cat > /dev/null ;;' : ''}
esac
exit 0
`,
  );
  chmodSync(program, 0o755);
  return { program, calls, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
