#!/usr/bin/env node
import { run } from './cli/main.ts';
import { modules } from './modules/index.ts';
import packageFile from './package.json' with { type: 'json' };
import { transcoders } from './transcoders/index.ts';

await run(process.argv, process.env, { modules: [...modules, ...transcoders], version: packageFile.version });
