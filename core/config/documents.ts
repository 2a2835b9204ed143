import { environmentName } from './environment.ts';
import { type Field, reading } from './field.ts';
import { fileSchema, type SectionPlan } from './section-plan.ts';

/** JSON Schema of the whole file, for editors and checkers. */
export function jsonSchema(plans: readonly SectionPlan[]): object {
  const properties: Record<string, unknown> = {
    modules: {
      type: 'array',
      description: "Third parties' modules.",
      items: {
        type: 'object',
        properties: { path: { type: 'string' }, package: { type: 'string' } },
        additionalProperties: false,
      },
    },
  };
  for (const plan of plans) {
    const described = { ...fileSchema(plan), description: plan.about };
    properties[plan.name] = plan.runs === 'always' ? described : { anyOf: [described, { type: 'boolean' }] };
  }
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Switchyard configuration',
    type: 'object',
    properties,
    additionalProperties: false,
  };
  // TypeBox's symbols stay out.
  return JSON.parse(JSON.stringify(schema)) as object;
}

/** The commented default file: every key, with its default, as a comment; what is uncommented changes something. */
export function defaultFile(plans: readonly SectionPlan[]): string {
  const lines = [
    '# yaml-language-server: $schema=schema.json',
    '# Switchyard: every section and key with its default. Generated from the schemas (npm run generate).',
    '# Copy what you want to change. The environment overrides the file: rtmp.listen.port is SWITCHYARD_RTMP_LISTEN_PORT.',
    '# Durations and sizes carry units: 10s, 250ms, 8MiB. "name: false" switches a module off.',
    '',
    "# Third parties' modules: a list of { path: … } or { package: … }.",
    'modules: []',
  ];
  for (const plan of plans) {
    lines.push('', ...comment(plan.about, 0), `${plan.name}:`);
    writeFields(fileSchema(plan), 1, lines);
  }
  return `${lines.join('\n')}\n`;
}

function comment(text: string, depth: number): string[] {
  const indent = '  '.repeat(depth);
  return text === '' ? [] : wrap(text, 110 - indent.length).map((line) => `${indent}# ${line}`);
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function writeFields(schema: Field<unknown>, depth: number, lines: string[]): void {
  const indent = '  '.repeat(depth);
  for (const [name, field] of Object.entries(schema[reading].fields ?? {})) {
    const { kind, expected, fields } = field[reading];
    if (fields !== undefined) {
      lines.push(...comment(field.description ?? '', depth), `${indent}${name}:`);
      writeFields(field, depth + 1, lines);
      continue;
    }
    const hint = kind === 'choice' ? ` (${expected})` : '';
    lines.push(...comment(`${field.description ?? ''}${hint}`, depth));
    const standard: unknown = field['default'];
    lines.push(standard === undefined ? `${indent}# ${name}:` : `${indent}${name}: ${asYaml(standard)}`);
  }
}

/** JSON is YAML; plain words need no quotes. */
function asYaml(value: unknown): string {
  const plain = typeof value === 'string' && /^[A-Za-z][A-Za-z0-9_./-]*$/.test(value);
  const word = plain && !/^(true|false|yes|no|on|off|null|y|n)$/i.test(value);
  const measure =
    typeof value === 'string' && /^\d+(\.\d+)?[A-Za-z]+$|^\d+-\d+$/.test(value) && !/^\d+e\d+$/i.test(value);
  return word || measure ? value : JSON.stringify(value);
}

/** The reference page: one table a section. */
export function referencePage(plans: readonly SectionPlan[]): string {
  const lines = [
    '# Configuration',
    '',
    '<!-- Generated from the schemas (npm run generate): change those. -->',
    '',
    'Order: defaults, then the file, then the environment, then `--set module.key=value`; the later wins.',
    'Durations and sizes carry units (`10s`, `250ms`, `8MiB`). Lists are separated by commas in the environment.',
    'Secrets stand by reference: `env:NAME` or `file:/path`. Relative paths start at the folder of the file.',
    'A changed file, or SIGHUP, is applied to the running server: only modules whose section changed notice.',
    '',
    'Modules of third parties: `modules: [{ path: ./my-module.js }, { package: my-module }]`.',
  ];
  for (const plan of plans) {
    lines.push('', `## ${plan.name}`, '', plan.about, '');
    lines.push('| key | default | what it is | environment |', '|---|---|---|---|');
    writeRows(fileSchema(plan), [plan.name], '', lines);
  }
  return `${lines.join('\n')}\n`;
}

function writeRows(schema: Field<unknown>, keys: readonly string[], prefix: string, lines: string[]): void {
  for (const [name, field] of Object.entries(schema[reading].fields ?? {})) {
    const how = field[reading];
    const key = `${prefix}${name}`;
    if (how.fields !== undefined) {
      writeRows(field, [...keys, name], `${key}.`, lines);
      continue;
    }
    const standard: unknown = field['default'];
    const shown =
      standard === undefined ? '' : `\`${typeof standard === 'string' ? standard : JSON.stringify(standard)}\``;
    const about = `${field.description ?? ''} *${capitalize(how.expected)}.*`;
    lines.push(`| \`${key}\` | ${shown} | ${cell(about)} | \`${environmentName([...keys, name])}\` |`);
    if (how.of?.[reading].fields !== undefined) writeItemRows(how.of, `${key}[].`, lines);
  }
}

/** The fields of a list's sections: they have no name in the environment. */
function writeItemRows(schema: Field<unknown>, prefix: string, lines: string[]): void {
  for (const [name, field] of Object.entries(schema[reading].fields ?? {})) {
    const standard: unknown = field['default'];
    const about = `${field.description ?? ''} *${capitalize(field[reading].expected)}.*`;
    lines.push(
      `| \`${prefix}${name}\` | ${standard === undefined ? '' : `\`${JSON.stringify(standard)}\``} | ${cell(about)} | |`,
    );
  }
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ').trim();
}

function capitalize(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
