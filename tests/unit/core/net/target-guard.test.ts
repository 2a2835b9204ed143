import assert from 'node:assert/strict';
import { TargetGuard } from '../../../../core/net/target-guard.ts';
import { Backoff } from '../../../../core/time/backoff.ts';
import { millis } from '../../../../core/time/micros.ts';

const guard = (
  hosts: readonly string[],
  addresses: readonly string[] = [],
  found: readonly string[] = ['93.184.216.34'],
) =>
  new TargetGuard(
    { section: 'rtmp.client', hosts, addresses },
    { lookup: async () => found.map((address) => ({ address })) },
  );

describe('modules/rtmp target guard', () => {
  it('reaches nothing until a host is named', async () => {
    await assert.rejects(guard([]).resolve('example.org'), { code: 'access-refused' });
    await assert.rejects(guard(['example.org']).resolve('example.com'), { code: 'access-refused' });
    assert.equal(await guard(['EXAMPLE.org']).resolve('example.ORG'), '93.184.216.34');
  });

  for (const inner of [
    '127.0.0.1',
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '192.168.1.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::127.0.0.1',
    '::ffff:169.254.169.254',
    '64:ff9b::a9fe:a9fe',
    'fe80::1',
    'fe80::1%eth0',
    'fd00::1',
    'ff02::1',
  ]) {
    it(`does not follow a name to ${inner}`, async () => {
      await assert.rejects(guard(['*'], [], [inner]).resolve('evil.example'), { code: 'access-refused' });
    });
  }

  it('takes the first address that may be reached, and goes to that one', async () => {
    assert.equal(
      await guard(['*'], [], ['127.0.0.1', '2606:4700::1111', '1.1.1.1']).resolve('two.example'),
      '2606:4700::1111',
    );
  });

  it('follows names to inner addresses that are allowed, and to no others', async () => {
    const allowing = (address: string) =>
      guard(['*'], ['10.0.0.0/8', '::1', 'fd00::/16'], [address]).resolve('x.example');
    assert.equal(await allowing('10.9.9.9'), '10.9.9.9');
    assert.equal(await allowing('::1'), '::1');
    assert.equal(await allowing('fd00::5'), 'fd00::5');
    await assert.rejects(allowing('192.168.0.1'), { code: 'access-refused' });
  });

  it('takes an inner address that is named itself', async () => {
    assert.equal(await guard(['127.0.0.1']).resolve('127.0.0.1'), '127.0.0.1');
    await assert.rejects(guard(['*']).resolve('127.0.0.1'), { code: 'access-refused' });
  });

  it('refuses entries that are no addresses', () => {
    for (const entry of ['example.org', '10.0.0.0/33', '::/129', '10.0.0.0/x', '']) {
      assert.throws(() => guard(['*'], [entry]), { code: 'config-invalid' }, entry);
    }
  });
});

describe('modules/rtmp backoff', () => {
  it('doubles up to the longest, scattered around it, and begins anew after success', () => {
    const backoff = new Backoff({ first: millis(100), longest: millis(500) }, { random: () => 0.5 });
    assert.deepEqual(
      [backoff.fail(), backoff.fail(), backoff.fail(), backoff.fail(), backoff.fail()],
      [100_000, 200_000, 400_000, 500_000, 500_000],
    );
    assert.equal(backoff.failures, 5);
    backoff.succeed();
    assert.equal(backoff.fail(), 100_000);
    assert.equal(new Backoff({ first: millis(100), longest: millis(500) }, { random: () => 0 }).fail(), 75_000);
  });
});
