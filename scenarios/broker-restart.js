// R1. The broker is restarted in order, as for an upgrade: it closes every connection (320) and is
// away for some seconds. The consumer must come back however long that takes, and the jobs that wait
// for another try at that moment must be there afterwards.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R1',
  target: 'consumer',
  broker: 'own',
  load: { rate: 50, duration: '36s' },
  expect: { recovery: '12s', inFlight: true },
  catches: { 'R1-gives-up': 'recovered', 'R1-transient-retries': 'no-loss' },
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
  // The copies of eight jobs wait for their time, and then behind others that are slow: none is tried again
  // before the broker is down.
  const failing = await run.inject(faults.worker([{ do: 'fail', times: 8 }, { do: 'slow', delay: '1s' }]));
  await failing.spent();
  await failing.inEffect(); // the others are slow, too
  const down = await run.inject(faults.brokerDown('stop'));
  await down.inEffect();
  await failing.heal();
  await down.heal();
  await run.recovered();
}
