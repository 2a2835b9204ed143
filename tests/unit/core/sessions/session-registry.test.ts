import assert from 'node:assert/strict';
import { EventBus } from '../../../../core/events/bus.ts';
import { SessionClosed, SessionOpened } from '../../../../core/events/catalogue.ts';
import { Scope } from '../../../../core/lifecycle/scope.ts';
import { plainAddress, SessionRegistry } from '../../../../core/sessions/session-registry.ts';
import { ManualClock } from '../../../../core/time/manual-clock.ts';

describe('the session registry', () => {
  it('lists sessions while their scope is open, and says when they come and go', async () => {
    const events = new EventBus();
    const parent = Scope.root('test');
    const heard: string[] = [];
    events.on(SessionOpened, parent, ({ session }) => void heard.push(`+${session.id}`));
    events.on(SessionClosed, parent, ({ session, reason }) => void heard.push(`-${session.id} ${reason.code}`));
    const sessions = new SessionRegistry({ clock: new ManualClock(), events });
    const open = (protocol: string) => sessions.open({ protocol, remoteAddress: '127.0.0.1', parent });
    const [first, second] = [open('rtmp'), open('hls')];
    assert.notEqual(first.id, second.id);
    assert.equal(sessions.find(first.id), first);
    assert.deepEqual([sessions.count(), sessions.count('rtmp'), sessions.count('sip')], [2, 1, 0]);
    await first.scope.close({ code: 'peer-left' });
    assert.equal(sessions.find(first.id), undefined);
    assert.deepEqual([...sessions.all()], [second]);
    assert.equal(sessions.opened, 2);
    assert.deepEqual(heard, [`+${first.id}`, `+${second.id}`, `-${first.id} peer-left`]);
    await parent.close({ code: 'shutdown' });
    assert.equal(sessions.count(), 0);
  });

  it('bounds and cleans what the peer calls itself', () => {
    const sessions = new SessionRegistry({ clock: new ManualClock(), events: new EventBus() });
    const agent = `a\r\nb\u001b[2J\u2028${'x'.repeat(10_000)}`;
    const session = sessions.open({ protocol: 'rtmp', remoteAddress: '::1', agent, parent: Scope.root('test') });
    assert.match(session.agent, /^a\?\?b\?\[2J\?x+$/);
    assert.ok(session.agent.length <= 200);
  });
});

describe('plainAddress', () => {
  it('gives a peer one address, over whichever family the socket speaks', () => {
    assert.equal(plainAddress('::ffff:192.0.2.7'), '192.0.2.7');
    for (const address of ['192.0.2.7', '2001:db8::1', '::1', '::ffff:0:1'])
      assert.equal(plainAddress(address), address);
  });
});
