// R25, R26. The consumer is told what the broker never meant: that it is cancelled, while the broker goes on
// sending to it (after a failover, say), and that its connection is blocked, which is never taken back.
// A cancelled consumer must give its channel up; blocked concerns publishing, so consuming goes on.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: ['R25', 'R26'],
  target: 'consumer',
  load: { rate: 100, duration: '9s' },
  expect: { recovery: '2s', inFlight: true },
  catches: {
    'R25-consume-beside': 'no-loss',
    'R26-wait-unblocked': 'recovered',
  },
});

export const options = run.options;

export function setup() {
  run.start();
}

export function load() {
  run.submit({ prompt: 'a cat on a bicycle' });
}

export async function story() {
  await run.steady();
  for (const fault of [
    faults.on('deliver', 'phantom-cancel', { from: 'broker', nth: 5 }),
    faults.on('ack', 'phantom-block', { nth: 5 }),
  ]) {
    const active = await run.inject(fault);
    await active.inEffect();
    await active.heal();
    await run.recovered();
  }
}
