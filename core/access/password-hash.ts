import { Buffer } from 'node:buffer';
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

/** RFC 7914: cost, block size and parallelism; memory is 128 × cost × blockSize bytes. */
export interface ScryptParameters {
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelism: number;
}

/** 16 MiB and about 50 ms on a present core, in the thread pool. */
export const standardParameters: ScryptParameters = { cost: 16_384, blockSize: 8, parallelism: 1 };

const mostMemory = 64 << 20;
const keyLength = 32;
const saltLength = 16;
const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);

/** A password's hash with all that is needed to check one: `scrypt$16384$8$1$<salt>$<key>`, in base64. */
export async function hashPassword(password: string, parameters = standardParameters): Promise<string> {
  const salt = randomBytes(saltLength);
  const key = await deriveKey(password, salt, parameters);
  const { cost, blockSize, parallelism } = parameters;
  return ['scrypt', cost, blockSize, parallelism, salt.toString('base64'), key.toString('base64')].join('$');
}

/** Whether `hash` has the form that `hashPassword` gives, with parameters that a check can afford. */
export function isPasswordHash(hash: string): boolean {
  return parse(hash) !== undefined;
}

/** Compares in constant time. A text that is no hash fits no password. */
export async function checkPassword(password: string, hash: string): Promise<boolean> {
  const parsed = parse(hash);
  if (parsed === undefined) return false;
  const key = await deriveKey(password, parsed.salt, parsed.parameters);
  return timingSafeEqual(key, parsed.key);
}

function deriveKey(password: string, salt: Buffer, parameters: ScryptParameters): Promise<Buffer> {
  const { cost, blockSize, parallelism } = parameters;
  return derive(password.normalize('NFC'), salt, keyLength, {
    N: cost,
    r: blockSize,
    p: parallelism,
    maxmem: mostMemory,
  });
}

function parse(hash: string) {
  const match = /^scrypt\$(\d{1,7})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9+/=]{1,100})\$([A-Za-z0-9+/=]{1,100})$/.exec(
    hash.trim(),
  );
  if (match === null) return undefined;
  const parameters = { cost: Number(match[1]), blockSize: Number(match[2]), parallelism: Number(match[3]) };
  const { cost, blockSize, parallelism } = parameters;
  const possible = cost > 1 && Number.isInteger(Math.log2(cost)) && blockSize > 0 && parallelism > 0;
  const key = Buffer.from(match[5] ?? '', 'base64');
  if (!possible || 128 * cost * blockSize >= mostMemory || key.length !== keyLength) return undefined;
  return { parameters, salt: Buffer.from(match[4] ?? '', 'base64'), key };
}
