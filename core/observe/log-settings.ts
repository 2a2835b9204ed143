import { choice, type Infer, section } from '../config/schema.ts';

export const logSection = section(
  {
    level: choice(['debug', 'info', 'warn', 'error', 'silent'], {
      default: 'info',
      about: 'The least that is logged.',
    }),
    format: choice(['auto', 'json', 'text'], {
      default: 'auto',
      about: 'Lines of JSON for machines or of text for people; auto is text on a terminal.',
    }),
  },
  'What is logged, and how. Lines go to standard output.',
);
export type LogSettings = Infer<typeof logSection>;
