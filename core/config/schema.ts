/**
 * Everything that a module's `config.ts` needs. One schema gives types, defaults, validation, JSON Schema, the default
 * file, the reference page and the environment names.
 *
 *     export const rtmpConfig = section({
 *       listen: listen({ port: 1935 }),
 *       idle: duration({ default: '60s', about: 'How long a silent peer is kept.' }),
 *     });
 *     export type RtmpConfig = Infer<typeof rtmpConfig>;
 */
export { list, optional, record, section } from './composites.ts';
export type { Field, Infer, Schema } from './field.ts';
export {
  choice,
  duration,
  flag,
  host,
  integer,
  number,
  type PortRange,
  path,
  port,
  portRange,
  secret,
  size,
  text,
} from './fields.ts';
export { type Limits, type Listen, limits, listen, type OutgoingConfig, outgoing, type Tls, tls } from './fragments.ts';
export { Secret } from './secret.ts';
