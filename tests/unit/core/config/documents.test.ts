import assert from 'node:assert/strict';
import { parse } from 'yaml';
import { readConfiguration } from '../../../../core/config/configuration.ts';
import { defaultFile, jsonSchema, referencePage } from '../../../../core/config/documents.ts';
import { environmentName, leavesOf } from '../../../../core/config/environment.ts';
import { sameConfig } from '../../../../core/config/same-config.ts';
import { fileSchema } from '../../../../core/config/section-plan.ts';
import { plainSources } from '../../../../core/server.ts';
import { sectionPlans } from '../../../../core/server-settings.ts';
import { modules } from '../../../../modules/index.ts';

const plans = sectionPlans(modules);
const leaves = plans.flatMap((plan) => [...leavesOf(fileSchema(plan), [plan.name])]);

describe("the product's configuration documents", () => {
  it('the default file says what the defaults are', () => {
    const tree = parse(defaultFile(plans)) as Record<string, unknown>;
    const fromFile = readConfiguration(plans, plainSources(tree));
    assert.ok(sameConfig([...fromFile.sections], [...readConfiguration(plans, plainSources({})).sections]));
  });
  it('no two keys share a name in the environment', () => {
    const names = leaves.map(({ keys }) => environmentName(keys));
    assert.deepEqual(
      names.filter((name, index) => names.indexOf(name) !== index),
      [],
    );
  });
  it('every key is explained', () => {
    for (const { keys, field } of leaves) assert.match(field.description ?? '', /^.{8,}[.:)]$/, keys.join('.'));
  });
  it('the reference page and the JSON Schema have every key', () => {
    const page = referencePage(plans);
    const schema = JSON.stringify(jsonSchema(plans));
    for (const { keys } of leaves) {
      assert.ok(page.includes(`\`${environmentName(keys)}\``), keys.join('.'));
      assert.ok(schema.includes(`"${keys.at(-1)}"`), keys.join('.'));
    }
  });
  it('names follow the words of a key', () => {
    assert.equal(environmentName(['rtmp', 'listen', 'port']), 'SWITCHYARD_RTMP_LISTEN_PORT');
    assert.equal(environmentName(['my-module', 'reconnectGrace']), 'SWITCHYARD_MY_MODULE_RECONNECT_GRACE');
  });
});
