import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdminCredential } from '../../../../core/access/admin-credential.ts';
import { FailureLimit, originOf } from '../../../../core/access/failure-limit.ts';
import { checkPassword, hashPassword, isPasswordHash } from '../../../../core/access/password-hash.ts';
import { isError } from '../../../../core/errors.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';
import { seconds } from '../../../../core/time/micros.ts';

const cheap = { cost: 16, blockSize: 1, parallelism: 1 };

describe('AdminCredential', () => {
  let folder: string;
  let file: string;
  let clock: ManualClock;
  let made: { user: string; password: string }[];

  const open = async (): Promise<AdminCredential> => {
    const credential = new AdminCredential(
      { file, scrypt: cheap },
      { clock, onMade: (user, password) => made.push({ user, password }) },
    );
    await credential.open();
    return credential;
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'switchyard-admin-'));
    file = join(folder, 'deep', 'admin.hash');
    clock = new ManualClock();
    made = [];
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('makes a password at the first start, tells it once and stores only its hash', async () => {
    const credential = await open();
    const [{ user, password } = { user: '', password: '' }] = made;
    assert.equal(user, 'admin');
    assert.ok(password.length >= 20);
    assert.ok(!(await readFile(file, 'utf8')).includes(password));
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.deepEqual(await credential.verify('admin', password, '192.0.2.1'), { accepted: true });
    const second = await open();
    assert.equal(made.length, 1, 'a second start tells nothing');
    assert.deepEqual(await second.verify('admin', password, '192.0.2.1'), { accepted: true });
  });

  it('refuses other names and passwords', async () => {
    const credential = await open();
    const password = made[0]?.password ?? '';
    for (const [user, shown] of [
      ['admin', `${password}x`],
      ['admin', ''],
      ['root', password],
      ['admin', 'x'.repeat(100_000)],
    ] as const) {
      assert.deepEqual(await credential.verify(user, shown, '192.0.2.1'), { accepted: false });
    }
  });

  it('stops an address that fails too often, and no other', async () => {
    const credential = await open();
    const password = made[0]?.password ?? '';
    for (let index = 0; index < 10; index += 1) await credential.verify('admin', 'guess', '192.0.2.1');
    const verdict = await credential.verify('admin', password, '192.0.2.1');
    assert.deepEqual(verdict, { accepted: false, retryAfter: 60 });
    assert.deepEqual(await credential.verify('admin', password, '192.0.2.2'), { accepted: true });
    clock.advance(seconds(60));
    assert.deepEqual(await credential.verify('admin', password, '192.0.2.1'), { accepted: true });
  });

  it('bounds the guesses that one address gets at once', async () => {
    const credential = await open();
    const verdicts = await Promise.all(
      Array.from({ length: 1_000 }, () => credential.verify('admin', 'guess', '192.0.2.1')),
    );
    assert.equal(verdicts.filter((verdict) => !verdict.accepted && verdict.retryAfter === undefined).length, 10);
  });

  it('bounds the checks that many addresses get at once', async () => {
    const credential = await open();
    const verdicts = await Promise.all(
      Array.from({ length: 1_000 }, (_, index) =>
        credential.verify('admin', 'guess', `10.0.${index >> 8}.${index & 255}`),
      ),
    );
    const looked = verdicts.filter((verdict) => !verdict.accepted && verdict.retryAfter === undefined).length;
    assert.ok(looked >= 2 && looked <= 20, `${looked} were looked at`);
  });

  it('voids the password before at a reset', async () => {
    const credential = await open();
    await credential.verify('admin', made[0]?.password ?? '', '192.0.2.1');
    await credential.reset();
    assert.deepEqual(await credential.verify('admin', made[0]?.password ?? '', '192.0.2.1'), { accepted: false });
    assert.deepEqual(await credential.verify('admin', made[1]?.password ?? '', '192.0.2.1'), { accepted: true });
  });

  it('says so when its file holds no hash', async () => {
    file = join(folder, 'admin.hash');
    await writeFile(file, 'hunter2');
    await assert.rejects(open(), (error) => isError(error, 'credential-unusable'));
  });
});

describe('hashPassword', () => {
  it('records its parameters and checks against them', async () => {
    const hash = await hashPassword('pässword', cheap);
    assert.match(hash, /^scrypt\$16\$1\$1\$/);
    assert.equal(await checkPassword('pässword', hash), true);
    assert.equal(await checkPassword('password', hash), false);
  });

  it('takes no parameters that would cost too much, and no other text', () => {
    const tail = `${Buffer.alloc(16).toString('base64')}$${Buffer.alloc(32).toString('base64')}`;
    assert.equal(isPasswordHash(`scrypt$16384$8$1$${tail}`), true);
    for (const hash of ['', 'plain', `scrypt$1048576$8$1$${tail}`, `scrypt$15$1$1$${tail}`, `scrypt$16$0$1$${tail}`]) {
      assert.equal(isPasswordHash(hash), false, hash);
    }
  });
});

describe('FailureLimit', () => {
  it('remembers a bounded number of addresses', () => {
    const limit = new FailureLimit({ failures: 1, window: seconds(60), addresses: 100 }, { clock: new ManualClock() });
    for (let index = 0; index < 10_000; index += 1) limit.noteFailure(`10.1.${index >> 8}.${index & 255}`);
    assert.equal(limit.size, 100);
  });

  it('counts a whole /64 of IPv6, and mapped addresses as what they are', () => {
    assert.equal(originOf('2001:db8:1:2:3:4:5:6'), originOf('2001:db8:1:2::9'));
    assert.notEqual(originOf('2001:db8:1:2::9'), originOf('2001:db8:1:3::9'));
    assert.equal(originOf('::ffff:192.0.2.1'), '192.0.2.1');
    assert.equal(originOf('fe80::1%eth0'), originOf('fe80::2'));
  });
});
