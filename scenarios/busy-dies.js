// A7. Two consumers share the queue. One has its hands full, with jobs in work and more prefetched, when
// its host goes (SIGKILL). All of that must be done at once by the other, and counts once; and nobody
// who waits for an image may notice more than that. Its successor gets its share again.
import { sleep } from 'k6';
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'A7',
  target: 'consumer',
  instances: 2,
  load: { rate: 100, duration: '7s' },
  expect: { recovery: '2s', inFlight: true, takeover: '1s', serving: { share: 0.95, within: '1s' }, fairShare: 0.5 },
  catches: { 'A7-redelivered-is-done': 'no-loss', 'A7-early-ack': 'ack-after-report' },
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
  const killing = run.inject(faults.process('kill', { holding: 6 }));
  const rush = await run.inject(faults.messages('plain', { count: 60 }));
  const killed = await killing;
  await rush.heal();
  await killed.inEffect();
  sleep(1); // the other is alone
  await killed.heal();
  await killed.gone();
  await run.recovered();
}
