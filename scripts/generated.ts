import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import openWabt from 'wabt';
import { defaultFile, jsonSchema, referencePage } from '../core/config/documents.ts';
import { errorCodes, SwitchyardError } from '../core/errors.ts';
import { sectionPlans } from '../core/server-settings.ts';
import { modules } from '../modules/index.ts';
import { transcoders } from '../transcoders/index.ts';

/** Every generated file, by its path, as it should be: `npm run generate` writes them, a test compares them. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const plans = sectionPlans([...modules, ...transcoders]);
  return new Map([
    ['conf/default.yaml', defaultFile(plans)],
    ['conf/schema.json', `${JSON.stringify(jsonSchema(plans), undefined, 2)}\n`],
    ['docs/reference/configuration.md', referencePage(plans)],
    ['docs/reference/errors.md', errorsPage()],
    ['docs/reference/modules.md', modulesPage()],
    ['wire/srtp/gcm-kernel-code.ts', await kernelCode()],
  ]);
}

const note = '<!-- Generated (npm run generate): change the source. -->';

function errorsPage(): string {
  const rows = errorCodes.map((code) => {
    // A detail of the form {name} for each name that the sentence asks for.
    const named = new Proxy({}, { get: (_target, name) => `{${String(name)}}` });
    const sentence = new SwitchyardError(code, named as never).message;
    return `| \`${code}\` | ${sentence.replaceAll('|', '\\|').replaceAll('\n', '<br>')} |`;
  });
  return `${['# Errors', '', note, '', 'A code is stable; programs may rely on it.', '', '| code | sentence |', '|---|---|', ...rows].join('\n')}\n`;
}

function modulesPage(): string {
  const names = (keys: readonly { name: string }[] | undefined): string =>
    (keys ?? []).map(({ name }) => `\`${name}\``).join(', ');
  const rows = [...modules, ...transcoders].map((module) => {
    const folder = modules.includes(module) ? `modules/${module.name}` : 'transcoders';
    const needs = [names(module.requires), names(module.uses)].filter((text) => text !== '').join('; uses ');
    const standard = module.optIn === true ? 'off' : 'on';
    return `| [${module.name}](../../${folder}/README.md) | ${module.about} | ${standard} | ${names(module.provides)} | ${needs} |`;
  });
  const head = ['| module | what it is | default | provides | requires |', '|---|---|---|---|---|'];
  return `${['# Modules', '', note, '', ...head, ...rows].join('\n')}\n`;
}

/** The kernel of wire/srtp, assembled. */
async function kernelCode(): Promise<string> {
  const name = 'gcm-kernel.wat';
  const source = readFileSync(join(import.meta.dirname, '..', 'wire', 'srtp', name), 'utf8');
  const assembled = (await openWabt()).parseWat(name, source, { simd: true, bulk_memory: true });
  const lines =
    Buffer.from(assembled.toBinary({}).buffer)
      .toString('base64')
      .match(/.{1,100}/g) ?? [];
  const text = lines.map((line) => `  '${line}'`).join(' +\n');
  return `// Generated (npm run generate) from ${name}: change that.\nexport const gcmKernelCode =\n${text};\n`;
}
