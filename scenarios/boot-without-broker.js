// R63. The consumer is started before its broker is up, as after a power cut. It must wait for it,
// however long that takes, and not end, nor need to be started again.
import { incident, faults } from 'k6/x/comeback';

const run = incident({
  id: 'R63',
  target: 'consumer',
  broker: 'own',
  load: { rate: 50, duration: '38s' },
  expect: { recovery: '12s' },
  catches: { 'R63-connects-once': 'recovered' },
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
  const boot = await run.inject(faults.reboot([faults.brokerDown('stop')]));
  await boot.inEffect();
  await boot.heal();
  await run.recovered();
}
