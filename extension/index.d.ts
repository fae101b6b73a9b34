/**
 * Comeback: prove that a queue consumer comes back from a fault, with nothing lost, nothing done
 * twice, and in how many seconds.
 */
declare module 'k6/x/comeback' {
  import { Options } from 'k6/options';

  /** A length of time as in k6's own options: '500ms', '2s', '1m30s'. */
  export type Duration = string;

  /** A count: exactly this many, or within bounds, both included. */
  export type Count = number | { min: number; max: number };

  /** What a scenario states about a correct target. What is left out is the strictest. */
  export interface Expect {
    /** A control run: no fault is wanted, and none may be injected. */
    noFault?: boolean;
    /** Confirmed messages that may stay without effect. Default 0. */
    lost?: number;
    /** Messages that may have their effect more than once. Default 0. */
    duplicates?: number;
    /** Longest time from the last heal until the steady state holds again. Not judged when left out. */
    recovery?: Duration;
    /** The target's recovery time where it is known beforehand: the run then measures the error of our clock. */
    known?: Duration;
    /** Longest time without any movement while messages wait and a consumer is there. Default 2s. */
    stall?: Duration;
    /** Deliveries that the target may hold unsettled on a channel. Not judged when left out. */
    prefetch?: number;
    /** While a fault is on the target goes on: that limit holds then, too. Default false. */
    worksOn?: boolean;
    /** Something must be delivered and unsettled when the fault takes effect. Default false. */
    inFlight?: boolean;
    /** Longest time until what an instance held, when it was lost or asked to end, has its effect after all. */
    takeover?: Duration;
    /** Least share of its due, 0 to 1, that each instance is given once the faults are gone. */
    fairShare?: number;
    /** While a fault is on, at least this share, up to 1, of what is offered has its effect within that time. */
    serving?: { share: number; within: Duration };
    /** Cores that an instance may use after its recovery beyond what it used before the fault. Not judged when left out. */
    cpu?: number;
    /** Attempts of each instance to connect to the broker while faults are on; their spacing is judged, too. Not judged when left out. */
    reconnects?: Count;
    /** Alerts at the alert sink. Default 0. */
    alerts?: Count;
    /** All-clears at the alert sink. Default: one for each alert. */
    allClears?: Count;
    /** Calls of the target's executables; one that is not listed must not be called. */
    hooks?: {
      [hook in 'restart' | 'terminate']?: {
        min: number;
        max: number;
        /** What each call's arguments must be; '*' stands for any one. */
        args?: string[];
      };
    };
  }

  /** A neighbour of the target's. */
  export type LinkName = 'broker' | 'api' | 'ai' | 'alerts';

  /** A scenario. */
  export interface Incident {
    /** The incidents that it is about. */
    id: string | string[];
    /** Its name; default: the script's file name. */
    name?: string;
    /** Entry of comeback.yaml. */
    target: string;
    /** How many of it run side by side, 1 to 16. Default: as its entry says. */
    instances?: number;
    /** Features of the target (comeback.yaml) that the scenario needs; it is skipped on a target without them. */
    needs?: string | string[];
    /** How the AI worker works when all is well: time of a job whose model is loaded (default 5ms), jobs at a time (default 4). */
    ai?: { warm?: Duration; concurrency?: number };
    /** Ways that faults.link() may make bad; each puts a proxy before that neighbour, for each instance. Default: none. */
    links?: LinkName | LinkName[];
    /** 'own' when the scenario breaks the broker itself. Default 'shared'. */
    broker?: 'shared' | 'own';
    /** What the script means to offer, open model: messages a second, for how long. */
    load: { rate: number; duration: Duration };
    expect?: Expect;
    /** Teeth: each defect of the target that this scenario catches, with the check that must fail on it. */
    catches?: { [defect: string]: CheckName };
  }

  /** The checks. docs/checks.md tells what each one needs and finds. */
  export type CheckName =
    | 'ran' | 'script' | 'load-reached' | 'probes' | 'target-exit'
    | 'fault-in-effect' | 'fault-gone' | 'in-flight'
    | 'no-loss' | 'dead-letters' | 'duplicates' | 'unexpected' | 'whole-results' | 'settle' | 'settled' | 'ack-after-report' | 'protocol'
    | 'clean-exit' | 'takeover' | 'serving' | 'fair-share' | 'reconnects'
    | 'prefetch' | 'priority'
    | 'no-stall' | 'works-on' | 'recovered' | 'busy' | 'alerts' | 'all-clears' | 'hooks';

  /** Declares the run of this script. Belongs at the top of the script. */
  export function incident(incident: Incident): Run;

  /** What a message carries beside its body. What is left out is not sent, but for a message-id. */
  export interface Props {
    /** false: it has no message-id. Default true. */
    messageId?: boolean;
    /** 1 to 255. */
    priority?: number;
    /** How long it may wait in its queue: the broker then drops it, or dead-letters it. Whole milliseconds. */
    expiration?: Duration;
    headers?: { [name: string]: string | number | boolean };
    /** Default 'application/json'. */
    contentType?: string;
    /** Not written to the broker's disk. */
    transient?: boolean;
    /** A correct target dead-letters it, and it has no effect: see the check dead-letters. */
    dead?: boolean;
  }

  /** The one run of a script. */
  export interface Run {
    /** k6 options: the load, and beside it the story, both as exported functions of these names. */
    options: Options;
    /** In setup(): stands the lab up and returns when the target is ready. */
    start(): void;
    /** Offers one message and returns its id, without waiting for the broker. */
    submit(job: object | string | ArrayBuffer, props?: Props): string;
    /** Waits until the load has been flowing evenly long enough to know the steady state. */
    steady(): Promise<void>;
    /** Puts a fault in place. */
    inject(fault: Fault): Promise<ActiveFault>;
    /** Waits until the target has called one of its executables n times in this run. */
    hookCalls(hook: 'restart' | 'terminate', n: number): Promise<void>;
    /** Seconds from the last heal until the steady state held again; null when the load ended first. */
    recovered(): Promise<number | null>;
    /** Waits until the time of the load is over. */
    loadEnd(): Promise<void>;
    /** Puts a milestone into the history. */
    mark(name: string): void;
  }

  /** A fault in place. */
  export interface ActiveFault {
    /** Waits until the fault has touched an op; gives what shows it. */
    inEffect(): Promise<string>;
    /** Waits until the fault has acted as often as its times say; rejects when it has none. */
    spent(): Promise<void>;
    /** Undoes the fault. */
    heal(): Promise<void>;
    /** Waits, after heal(), until an op has passed untouched; gives what shows it. */
    gone(): Promise<string>;
  }

  /** A way of breaking something. Nothing happens before run.inject(). */
  export interface Fault {
    readonly fault: string;
    readonly params: object;
  }

  /** Which occurrences of a method a fault acts on, counted from its injection. */
  export interface Which {
    /** Only the n-th. */
    nth?: number;
    /** Only one of the first so many; which one is drawn from the run's seed. */
    within?: number;
    /** Every k-th. */
    every?: number;
    /** At most so often. */
    times?: number;
    /** Only for the message of this id. */
    message?: string;
    /** With this probability, 0 to 1, drawn from the run's seed. */
    chance?: number;
    /** Who sends the method. Default 'target'. */
    from?: 'target' | 'broker' | 'either';
    /** Only at this instance of the target, from 0. Default: at each; nth, every and times count over all. */
    instance?: number;
  }

  /** One call of an executable: print stderr, wait, kill or restart the AI worker, then end. */
  export interface Step {
    /** Exit code, 0 to 255. */
    code?: number;
    delay?: Duration;
    stderr?: string;
    /** Never end by itself; healed, it ends with 143. */
    hang?: boolean;
    /** Die by this signal: 'KILL', 'TERM', 'SEGV', …. */
    signal?: string;
    /** Restart the AI worker. */
    restart?: boolean;
    /** Kill the AI worker and leave it dead. */
    kill?: boolean;
  }

  /** One way in which the AI worker misbehaves. */
  export interface WorkerRule {
    /** When it acts. Default 'request'. */
    on?: 'request' | 'ping' | 'boot';
    /** A message id, or a part of the prompt. */
    match?: string;
    do: 'fail' | 'hang' | 'cut' | 'garbage' | 'truncate' | 'oom' | 'slow' | 'refuse' | 'slow-boot';
    /** Of 'fail': the HTTP status, 400 to 599. Default 500. */
    status?: number;
    /** Of 'slow': so many times as long. */
    factor?: number;
    /** Of 'slow' and 'slow-boot'. */
    delay?: Duration;
    /** From the n-th match on. */
    nth?: number;
    /** So many times; 0 for ever. */
    times?: number;
  }

  /** One way in which the API server misbehaves that takes the results. */
  export interface ApiRule {
    /** 'down' only by itself; 'reset' and 'down' concern connections rather than reports. */
    do: 'slow' | 'hang' | 'fail' | 'accept-then-fail' | 'cut' | 'accept-then-cut' | 'reset' | 'down';
    /** Only for the message of this id. */
    job?: string;
    /** Of 'fail' and 'accept-then-fail': the HTTP status, 400 to 599. Default 500. */
    status?: number;
    /** Of 'slow': it accepts after that time, even when its caller has gone. */
    delay?: Duration;
    /** From the n-th match on. */
    nth?: number;
    /** So many times; 0 for ever. */
    times?: number;
  }

  /** One way in which an instance's metadata service misbehaves. */
  export interface MetadataRule {
    do: 'slow' | 'hang' | 'fail' | 'garbage' | 'cut';
    /** Only for requests of a session token, or of the spot notice. */
    on?: 'token' | 'notice';
    /** Of 'fail': the HTTP status, 400 to 599. Default 500. */
    status?: number;
    /** Of 'slow'. */
    delay?: Duration;
    /** From the n-th match on. */
    nth?: number;
    /** So many times; 0 for ever. */
    times?: number;
  }

  /** One way in which the webhook misbehaves that takes the alerts. */
  export interface AlertSinkRule {
    do: 'limit' | 'fail' | 'hang' | 'cut';
    /** Of 'fail': the HTTP status, 400 to 599. Default 500. */
    status?: number;
    /** Of 'limit', in the header Retry-After: whole seconds. Default 1s. */
    retryAfter?: Duration;
    /** From the n-th match on. */
    nth?: number;
    /** So many times; 0 for ever. */
    times?: number;
  }

  export const faults: {
    /** Acts on an AMQP method between the target and the broker: 'ack', 'deliver', 'basic.qos', …. docs/faults.md tells how. */
    on(method: string, what: 'swallow' | 'duplicate' | 'cut' | 'cut-inside' | 'cut-after' | 'corrupt', which?: Which): Fault;
    /** Both directions stand still; in effect once nothing has passed for that long. */
    on(method: string, what: 'stall', which: Which & { for: Duration }): Fault;
    on(method: string, what: 'delay', which: Which & { delay: Duration }): Fault;
    on(method: string, what: 'close-channel' | 'close-channel-after' | 'close-connection', which: Which & { code: number }): Fault;
    /** The broker refuses (nack) or gives back (unroutable) what the target publishes. */
    on(method: 'publish', what: 'refuse' | 'return', which?: Which): Fault;
    /** The channel is closed, and the delivery comes behind that: the client library takes the connection for broken (504). */
    on(method: 'deliver', what: 'close-channel-before', which: Which & { from: 'broker'; code: number }): Fault;
    /** The consumer of a delivery is cancelled; the broker knows of it, or goes on serving it (phantom). */
    on(method: 'deliver', what: 'cancel' | 'phantom-cancel', which: Which & { from: 'broker' }): Fault;
    /** Puts a frame behind the method that nobody has sent: reject of tag 0, connection.blocked or connection.unblocked. */
    on(method: string, what: 'phantom-reject' | 'phantom-block' | 'phantom-unblock', which?: Which): Fault;
    /** Sets the swap of the target's host. */
    swap(state: 'ok' | 'unset' | 'low'): Fault;
    /** Sets what one of the target's executables does: one step a call, the last one repeats. */
    hook(hook: 'restart' | 'terminate', steps: Step[]): Fault;
    /** Takes one of the target's executables away. */
    hookFile(hook: 'restart' | 'terminate', how: 'missing' | 'not-executable'): Fault;
    /** Makes the AI worker misbehave. */
    worker(rules: WorkerRule[]): Fault;
    /** Kills the AI worker and leaves it dead; healed, it is started by hand. */
    workerDown(): Fault;
    /** Makes the API server misbehave that takes the target's results. */
    api(rules: ApiRule[]): Fault;
    /** Makes the webhook misbehave that takes the target's alerts. */
    alertSink(rules: AlertSinkRule[]): Fault;
    /** Makes an instance's metadata service misbehave. */
    metadata(rules: MetadataRule[], which?: { instance?: number }): Fault;
    /** Announces that a spot instance is taken away in so long (1s to 8s, default 2s), once it holds so many unsettled jobs, and takes it away. */
    notice(what?: { in?: Duration; instance?: number; holding?: number }): Fault;
    /** Takes the account of the host's memory away from the target. */
    meminfo(how: 'missing' | 'unreadable' | 'garbled'): Fault;
    /** Lets no file of an instance grow any more. */
    diskFull(options?: { instance?: number }): Fault;
    /** Puts messages out of the ordinary into the target's queue, all at once. */
    messages(kind: 'malformed' | 'anonymous' | 'poison', batch?: { count?: number }): Fault;
    /** Ordinary jobs, with a priority or without. */
    messages(kind: 'plain', batch: { count?: number; priority?: number }): Fault;
    /** Jobs with a large body, of size bytes. Default 10000000. */
    messages(kind: 'large', batch?: { count?: number; size?: number }): Fault;
    /** Jobs that may wait in their queue for so long. */
    messages(kind: 'expiring', batch: { count?: number; expiration: Duration }): Fault;
    /** Makes the way to a neighbour late: by delay each way, and up to jitter more. */
    link(name: LinkName, how: 'latency', which: { delay: Duration; jitter?: Duration; instance?: number }): Fault;
    /** Lets rate bytes a second through, in each direction of each connection. */
    link(name: LinkName, how: 'bandwidth', which: { rate: number; instance?: number }): Fault;
    /** Nothing passes any more on the connections that are open now, and nobody hears of it; new ones are fine. */
    link(name: LinkName, how: 'half-open', which?: { instance?: number }): Fault;
    /** Connections opened from now on get a byte through every delay; in effect once it has taken so many connections. */
    link(name: LinkName, how: 'drip', which: { delay: Duration; connections?: number; instance?: number }): Fault;
    /** Cuts the connections to the broker, and refuses new ones. */
    refuse(which?: { instance?: number }): Fault;
    /** Stops the target and starts it under other faults, as a fresh instance. */
    reboot(under: Fault[]): Fault;
    /** Kills an instance of the target while it holds a job, or just before its ack arrives. Healed, it is started. */
    process(how: 'kill', at?: { instance?: number; holding?: number } | { instance?: number; at: 'ack' }): Fault;
    /** Pauses it (SIGSTOP), until it holds something that it cannot settle, or the broker has dropped it. Healed, it goes on. */
    process(how: 'pause', at?: { instance?: number; holding?: number; until?: 'held' | 'dropped' }): Fault;
    /** Asks it to end (SIGTERM), and waits for that. Healed, it is started. */
    process(how: 'term', at?: { instance?: number; holding?: number }): Fault;
    /** Ends the broker, in order or by SIGKILL; healed, it is started again on its data. Needs broker: 'own', as all below. */
    brokerDown(how: 'stop' | 'kill', when?: { waiting?: number }): Fault;
    /** The broker stands still until the target has given up a connection. */
    brokerPaused(): Fault;
    /** Sets off an alarm of the broker's once so many messages wait in the queue; in effect once it has lasted for that long. */
    brokerAlarm(resource: 'memory' | 'disk', more?: { waiting?: number; for?: Duration }): Fault;
    /** The broker closes the connections that consume the target's queue (320). */
    forceClose(): Fault;
    /** Deletes the target's queue once it is empty and the target holds that many messages. */
    queueDeleted(when?: { held?: number }): Fault;
    /** Lowers the time for which a delivery may stay unsettled. */
    consumerTimeout(limit: Duration): Fault;
    /** Replaces the instances of the target, one after the other, by another entry of comeback.yaml. Healed, they are rolled back. */
    roll(to: string, how?: { how?: 'term' } | { how: 'kill'; at?: 'ack' }): Fault;
  };
}
