// R5. An operator has the broker close the consumer's connections (rabbitmqctl close_connection: 320
// CONNECTION_FORCED), in the middle of jobs. The consumer must take that for any other loss.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R5',
  target: 'consumer',
  broker: 'own',
  load: { rate: 100, duration: '7s' },
  expect: { recovery: '1.5s', inFlight: true },
  catches: { 'R5-forced-is-final': 'recovered' },
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
  const slow = await run.inject(faults.worker([{ do: 'slow', delay: '300ms', times: 4 }]));
  await slow.inEffect();
  const closed = await run.inject(faults.forceClose());
  await closed.inEffect();
  await slow.heal();
  await closed.heal();
  await run.recovered();
}
