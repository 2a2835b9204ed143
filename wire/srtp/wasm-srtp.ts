import { Buffer } from 'node:buffer';
import { type Cipher, createCipheriv } from 'node:crypto';
import { SrtpBatch, type SrtpProtector, type SrtpReceiver, SrtpRefusal, type SrtpSender } from './contract.ts';
import { compileGcmKernel, GcmKernel, longestPacket, mostBlocks } from './gcm-kernel.ts';
import { GcmNonce } from './gcm-nonce.ts';
import { makeGhashTables } from './ghash-tables.ts';
import type { SrtpKeys } from './keys.ts';
import { type ContextKeys, contextKeys, NodeSrtpSender, nodeSrtp, protectOne, rtpHeaderEnd } from './node-srtp.ts';
import type { SrtpProfile } from './profile.ts';

const blockLength = 16;

/**
 * The protector for viewers by the hundred. A cipher object of `node:crypto` for each packet costs more than the encryption; here one
 * of AES alone serves a sender for life, and encrypts the counter blocks of all its packets in a batch at once. The rest of GCM is done
 * in WebAssembly. What comes in, reports and other profiles are left to `nodeSrtp`. Undefined where it can't run.
 */
export function openWasmSrtp(): SrtpProtector | undefined {
  const module = compileGcmKernel();
  return module === undefined ? undefined : new WasmSrtp(module);
}

class WasmSrtp implements SrtpProtector {
  readonly name = 'node:crypto and WebAssembly';
  readonly #module: object;

  constructor(module: object) {
    this.#module = module;
  }

  openSender(keys: SrtpKeys): SrtpSender {
    const { profile } = keys;
    return profile.aead ? new BatchSender(profile, contextKeys(keys)) : nodeSrtp.openSender(keys);
  }

  openReceiver(keys: SrtpKeys): SrtpReceiver {
    return nodeSrtp.openReceiver(keys);
  }

  openBatch(packets: number, bytes: number): SrtpBatch {
    try {
      return new KernelBatch(new GcmKernel(this.#module, bytes), packets);
    } catch {
      return nodeSrtp.openBatch(packets, bytes); // no memory of its kind is left
    }
  }

  protect(batch: SrtpBatch): void {
    for (let index = 0; index < batch.count; ) {
      const sender = batch.senders[index];
      if (batch instanceof KernelBatch && sender instanceof BatchSender) {
        index = sender.seal(batch, index);
        continue;
      }
      protectOne(batch, index);
      index += 1;
    }
  }
}

class KernelBatch extends SrtpBatch {
  readonly kernel: GcmKernel;
  /** Of each packet: where its header ends, and the first of its blocks; -1 when there is nothing to seal. */
  readonly headerEnds: Uint32Array;
  readonly firstBlock: Int32Array;

  constructor(kernel: GcmKernel, packets: number) {
    super(packets, kernel.packets);
    this.kernel = kernel;
    this.headerEnds = new Uint32Array(packets);
    this.firstBlock = new Int32Array(packets);
  }
}

/** A sender with AES-GCM whose packets are sealed by the batch. Made by `openSender`. */
export class BatchSender extends NodeSrtpSender {
  readonly #cipher: Cipher;
  readonly #nonce: GcmNonce;
  readonly #tables: Buffer;

  constructor(profile: SrtpProfile, keys: ContextKeys) {
    super(profile, keys);
    this.#cipher = createCipheriv(profile.keyLength === 32 ? 'aes-256-ecb' : 'aes-128-ecb', keys.rtp.cipherKey, null);
    this.#cipher.setAutoPadding(false);
    this.#nonce = new GcmNonce(keys.rtp.salt);
    this.#tables = makeGhashTables(this.#cipher.update(Buffer.alloc(blockLength)));
  }

  /** Protects its packets that stand in a row from `from` on; the index of the first that it left. */
  seal(batch: KernelBatch, from: number): number {
    const { kernel, memory, firstBlock, headerEnds, lengths, starts, senders } = batch;
    let blocks = 0;
    let end = from;
    for (; end < batch.count && senders[end] === this; end += 1) {
      const start = starts[end] ?? 0;
      const length = lengths[end] ?? 0;
      firstBlock[end] = -1;
      if (length > longestPacket) {
        protectOne(batch, end);
        continue;
      }
      const header = rtpHeaderEnd(memory, start, length);
      const needed = 1 + Math.ceil((length - header) / blockLength);
      if (header >= 0 && blocks + needed > mostBlocks) break;
      const index = header < 0 ? SrtpRefusal.malformed : this.admit(memory, start);
      if (index < 0) {
        lengths[end] = index;
        continue;
      }
      this.#nonce.set(memory.readUInt32BE(start + 8), index);
      kernel.count(blocks, needed, this.#nonce);
      headerEnds[end] = header;
      firstBlock[end] = blocks;
      blocks += needed;
    }
    if (blocks === 0) return end;
    kernel.useKey(this.#cipher, blocks, this.#tables);
    for (let index = from; index < end; index += 1) {
      const first = firstBlock[index] ?? -1;
      if (first < 0) continue;
      const length = lengths[index] ?? 0;
      kernel.seal(starts[index] ?? 0, headerEnds[index] ?? 0, length, first);
      lengths[index] = length + this.rtpOverhead;
    }
    return end;
  }
}
