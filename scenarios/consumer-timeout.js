// R9. A job takes longer than the broker lets a delivery stay unsettled (consumer_timeout, real 30 min,
// here 0.5 s): the broker closes the channel (406) and delivers the job again. The consumer must open
// another channel, go on with the job, and count it once.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R9',
  target: 'consumer',
  broker: 'own',
  load: { rate: 100, duration: '9s' },
  expect: { recovery: '2s', inFlight: true },
  catches: { 'R9-406-is-final': 'recovered' },
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
  const timeout = await run.inject(faults.consumerTimeout('500ms'));
  // It takes as long whenever it is begun: whoever gives it up and takes it again is never done with it.
  const slow = await run.inject(faults.worker([{ do: 'slow', delay: '1.2s', match: 'a cathedral' }]));
  run.submit({ prompt: 'a cathedral' });
  await timeout.inEffect();
  await timeout.heal();
  await slow.heal();
  await run.recovered();
}
