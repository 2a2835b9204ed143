import { section } from './composites.ts';
import { type Field, reading } from './field.ts';
import { flag } from './fields.ts';

/** A section that the configuration may have: one of the server's own, or a module's. */
export interface SectionPlan {
  readonly name: string;
  readonly about: string;
  readonly schema: Field<unknown>;
  /** `always`: the server's own. Modules can be switched off, or are off until asked for. */
  readonly runs: 'always' | 'unless-disabled' | 'when-enabled';
}

/** The section as it stands in the file: a module's has the key that switches it on or off. */
export function fileSchema(plan: SectionPlan): Field<unknown> {
  if (plan.runs === 'always') return plan.schema;
  const enabled = flag({
    default: plan.runs !== 'when-enabled',
    about: `Whether the module runs; "${plan.name}: false" switches it off as well.`,
  });
  return section({ enabled, ...plan.schema[reading].fields }, plan.about);
}
