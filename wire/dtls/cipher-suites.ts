/** What a cipher suite fixes: RFC 5288, RFC 5289. Key exchange is ECDHE in all of them, encryption AES-GCM. */
export type CipherSuite = {
  readonly id: number;
  /** The kind of key in the server's certificate. */
  readonly signature: 'ecdsa' | 'rsa';
  readonly cipher: 'aes-128-gcm' | 'aes-256-gcm';
  readonly keyLength: number;
  /** Of the PRF and of the transcript. */
  readonly hash: 'sha256' | 'sha384';
};

const aes128 = { cipher: 'aes-128-gcm', keyLength: 16, hash: 'sha256' } as const;
const aes256 = { cipher: 'aes-256-gcm', keyLength: 32, hash: 'sha384' } as const;

/** Best first. There is no other: none without encryption, without forward secrecy, or with CBC. */
export const cipherSuites: readonly CipherSuite[] = [
  { id: 0xc02b, signature: 'ecdsa', ...aes128 },
  { id: 0xc02f, signature: 'rsa', ...aes128 },
  { id: 0xc02c, signature: 'ecdsa', ...aes256 },
  { id: 0xc030, signature: 'rsa', ...aes256 },
];
