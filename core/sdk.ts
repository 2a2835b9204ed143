/** What third parties' modules are built with. A module's file gets it handed in: `export const module = (sdk) => ({ … })`. */
export { allow, noCredentials, refuse } from './access/access-control.ts';
export * from './config/schema.ts';
export { describeError, isError, SwitchyardError } from './errors.ts';
export { event } from './events/bus.ts';
export * from './events/catalogue.ts';
export { describeReason } from './lifecycle/close-reason.ts';
export { AccessUnit } from './media/access-unit.ts';
export { listenOn, portUnavailable } from './modules/listen.ts';
export type { Module, RunningModule } from './modules/module.ts';
export { service } from './modules/service.ts';
export { cleanText } from './sessions/session-registry.ts';
export { afterIn, every, sleep } from './time/clock.ts';
export * from './time/micros.ts';
