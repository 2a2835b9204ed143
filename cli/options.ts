import { Command } from 'commander';

export interface Options {
  readonly config?: string;
  readonly set: readonly string[];
  readonly demo: boolean;
  readonly checkConfig: boolean;
}

/** Reads the command line; prints help or version and ends where these are asked for. */
export function parseOptions(argv: readonly string[], version: string): Options {
  const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];
  const program = new Command('switchyard')
    .description('A media server core: every protocol in, every protocol out.')
    .version(version)
    .option('-c, --config <file>', 'the configuration file (YAML); SWITCHYARD_CONFIG names it as well')
    .option('-s, --set <module.key=value>', 'set one key, over file and environment; may be repeated', collect, [])
    .option('--demo', 'publish a test picture', false)
    .option('--check-config', 'read the configuration, say what is wrong with it, and end', false)
    .allowExcessArguments(false)
    // EX_USAGE
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 64));
  program.parse([...argv]);
  return program.opts<Options>();
}
