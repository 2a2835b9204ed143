import type { Module } from '../core/modules/module.ts';
import { demo } from './demo/index.ts';

/** The product on one screen: every module, in the order of the configuration file. */
export const modules: readonly Module[] = [demo];
