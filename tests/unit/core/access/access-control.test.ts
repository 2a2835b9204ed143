import assert from 'node:assert/strict';
import {
  AccessControl,
  type AccessRequest,
  allow,
  noCredentials,
  refuse,
} from '../../../../core/access/access-control.ts';
import { isError } from '../../../../core/errors.ts';
import { Scope } from '../../../../core/lifecycle/scope.ts';

const request = {
  action: 'publish',
  stream: 'cam',
  session: {},
  credentials: noCredentials,
} as unknown as AccessRequest;

describe('access control', () => {
  it('allows while there is no policy', async () => {
    assert.deepEqual(await new AccessControl().decide(request), allow);
  });

  it('never allows administration for want of a policy', async () => {
    const decision = await new AccessControl().decide({ ...request, action: 'administer' });
    assert.equal(decision.allowed, false);
  });

  it('needs every policy to agree, and tells the first refusal', async () => {
    const access = new AccessControl();
    const scope = Scope.root('test');
    const asked: string[] = [];
    access.add({ name: 'a', decide: () => (asked.push('a'), allow) }, scope);
    access.add({ name: 'b', decide: async () => (asked.push('b'), refuse('no token', true)) }, scope);
    access.add({ name: 'c', decide: () => (asked.push('c'), refuse('never asked')) }, scope);
    assert.deepEqual(await access.decide(request), { allowed: false, why: 'no token', challenge: true });
    assert.deepEqual(asked, ['a', 'b']);
    await assert.rejects(
      access.admit(request),
      (error) => isError(error, 'access-refused') && /"cam": no token/.test(error.message),
    );
  });

  it('takes a policy that throws for a closed door', async () => {
    const access = new AccessControl();
    access.add(
      { name: 'broken', decide: () => Promise.reject(new Error('the database is at 10.0.0.7')) },
      Scope.root('test'),
    );
    assert.deepEqual(await access.decide(request), refuse('the policy "broken" could not decide'));
  });

  it('forgets a policy when its scope ends', async () => {
    const access = new AccessControl();
    const scope = Scope.root('test');
    access.add({ name: 'a', decide: () => refuse('no') }, scope);
    assert.equal(access.policies.length, 1);
    await scope.close({ code: 'done' });
    assert.deepEqual(await access.decide(request), allow);
  });
});
