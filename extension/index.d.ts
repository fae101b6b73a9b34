/**
 * Comeback: prove that a queue consumer, or a proxy, comes back from a fault, with nothing lost, nothing
 * done twice, and in how many seconds.
 */
declare module 'k6/x/comeback' {
  import { Options } from 'k6/options';
  import { RefinedParams, RefinedResponse, RequestBody, Response, ResponseType } from 'k6/http';

  /** A length of time as in k6's own options: '500ms', '2s', '1m30s'. */
  export type Duration = string;

  /** A count: exactly this many, or within bounds, both included. */
  export type Count = number | { min: number; max: number };

  /** So many requests; 99 % of them told so within a time, all of them by one status. What is left out of the latter is not judged. */
  export type TurnedAway = Count | { min: number; max: number; within?: Duration; status?: 429 | 503 };

  /** What a scenario states about a correct target. What is left out is the strictest. */
  export interface Expect {
    /** A control run: no fault is wanted, and none may be injected. */
    noFault?: boolean;
    /** Confirmed messages that may stay without effect, of those that were never delivered to the target. Default 0. */
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
    /** Requests that may have no answer. Default 0. This and all below: of a target that answers requests. */
    unanswered?: number;
    /** Requests that may be answered with something else than was asked for. Default 0. */
    errors?: number;
    /** Requests that are turned away with a time to come again (429 or 503 with Retry-After). Default 0. */
    turnedAway?: TurnedAway;
    /** No request that may be done twice (GET, HEAD, PUT, ...) fails: where one backend fails it, another is asked. Not judged when left out. */
    askedAgain?: boolean;
    /** Share of the requests that backends may take more than once. Default 0.2. */
    retries?: number;
    /** The version that alone may answer, or the run is unknown. Not judged when left out. */
    version?: string;
    /** The version that alone answers after the last heal and expect.recovery. Not judged when left out. */
    serves?: string;
    /** When an ill backend is out, and in again, by the settings of the target's health checks. Not judged when left out. */
    rotation?: Rotation;
    /** Longest time from the last heal until each backend takes requests again. Not judged when left out. */
    backIn?: Duration;
    /** 99 % of the requests (to paths that begin with path) offered while a fault is on have a good answer within p99; those turned away do not count. */
    latency?: Latency;
    /** Least share, 0 to 1, of the answers to GET requests that cost no backend a whole answer. Not judged when left out. */
    cached?: number;
    /** Beside cached: least share of the good answers to GET requests that no backend was asked for at all, 0 to 1. Not judged when left out. */
    fresh?: number;
    /** Least number of users who are given what is theirs, and none of whom is given what is another's. Not judged when left out. */
    users?: number;
    /** When a slow reader that does not have all of its answer yet is cut. Not judged when left out. */
    readers?: Readers;
    /** MB that a process of the target may have resident while a fault is on, beyond what it had before. Of any target. Not judged when left out. */
    memory?: number;
  }

  export interface Readers {
    /** It is served for so long at least. Default 0. */
    min?: Duration;
    /** And for so long at most. */
    max: Duration;
    /** So many at least are given their whole answer, since they read fast enough for the target's limits. Default 0. */
    whole?: number;
  }

  export interface Latency {
    p99: Duration;
    /** Begin of the paths that it is about. Default: all. */
    path?: string;
  }

  /** The settings of the target's health checks. */
  export interface Rotation {
    /** From one check to the next. */
    interval: Duration;
    /** Of one check. */
    timeout: Duration;
    /** Good answers in a row after which a backend is in. */
    healthy: number;
    /** Bad answers in a row after which it is out. */
    unhealthy: number;
    /** It is also held against the checks that the backend saw, each of which it answers in the end. Default false. */
    exact?: boolean;
  }

  /** A neighbour of the target's: 'backend' of one that answers requests, the others of one that consumes a queue. */
  export type LinkName = 'broker' | 'api' | 'ai' | 'alerts' | 'backend';

  /** Programs that a scenario may need. */
  export type Program = 'asgi';

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
    /** What this machine must have installed; the scenario is skipped where it is not. 'asgi': gunicorn, uvicorn, Django. */
    programs?: Program | Program[];
    /** How many servers stand behind a target that answers requests, or how each works when all is well; 1 to 16. */
    backends?: number | (Backend | RealBackend)[];
    /** Ways that faults.link() may make bad; each puts a proxy before that neighbour, for each instance. Default: none. */
    links?: LinkName | LinkName[];
    /** 'own' when the scenario breaks the broker itself. Default 'shared'. */
    broker?: 'shared' | 'own';
    /** What the script means to offer, open model: messages or requests a second, for how long. Only a sweep has none. */
    load?: { rate: number; duration: Duration };
    /** Instead of a load: the target is measured with several numbers of workers, and its own is judged. */
    sweep?: Sweep;
    expect?: Expect;
    /** Teeth: each defect of the target that this scenario catches, with the check that must fail on it. */
    catches?: { [defect: string]: CheckName };
  }

  /** How a server is measured: started anew for each measurement, {workers} in its entry of comeback.yaml being their number. */
  export interface Sweep {
    /** Numbers of workers: 5 or more different ones, on both sides of the right one. */
    workers: number[];
    /** Measurements of each, in an order drawn from the seed; 3 steady ones are wanted. Default 4. */
    rounds?: number;
    /** What is asked for (GET). Default '/'. */
    path?: string;
    /** Clients, each asking again once it has its answer. Default: four for each worker of the largest number. */
    clients?: number;
    /** Time under load before each window. Default 1s. */
    warm?: Duration;
    /** Time in which answers are counted. Default 3s. */
    window?: Duration;
    /** Share of the highest throughput that is good enough. Default 0.9. */
    share?: number;
  }

  /** The checks. docs/checks.md tells what each one needs and finds. */
  export type CheckName =
    | 'ran' | 'script' | 'load-reached' | 'probes' | 'target-exit'
    | 'fault-in-effect' | 'fault-gone' | 'in-flight'
    | 'no-loss' | 'dead-letters' | 'duplicates' | 'unexpected' | 'whole-results' | 'settle' | 'settled' | 'ack-after-report' | 'protocol'
    | 'clean-exit' | 'takeover' | 'serving' | 'fair-share' | 'reconnects'
    | 'prefetch' | 'priority'
    | 'no-stall' | 'works-on' | 'recovered' | 'busy' | 'alerts' | 'all-clears' | 'hooks'
    | 'answered' | 'errors' | 'turned-away' | 'once' | 'acknowledged' | 'asked-again' | 'retries' | 'version' | 'serves' | 'rotation' | 'rollout' | 'drained' | 'back-in'
    | 'latency' | 'cached' | 'leaks' | 'memory' | 'readers'
    | 'workers';

  /** How a server behind the target works when all is well. */
  export interface Backend {
    /** What it calls itself in the header X-Version. Default '1'. */
    version?: string;
    /** Of its latencies. Default: drawn from the run's. */
    seed?: number;
    /** How long a request takes that has its thread: always median (default 5ms), or lognormal with that p99. */
    latency?: { median?: Duration; p99?: Duration };
    /** Requests at a time; the others wait. Default 200. */
    threads?: number;
    /** Connections at a time. Default 8192. */
    connections?: number;
    /** Connections beyond, which wait in the kernel. Default 100. */
    backlog?: number;
    /** Its connections to a data source (default: as many as threads), and how long a request waits for one (30s). */
    pool?: { size?: number; wait?: Duration };
    /**
     * A service that requests to paths that begin with path call (default: all), or a share of them (default 1), and wait
     * for so long (30s). The lab has one at 'http://account'.
     */
    account?: { url: string; path?: string; timeout?: Duration; share?: number };
    /** It closes each connection after one answer. */
    closes?: boolean;
    /** Path of its health check. Default '/healthz'. */
    health?: string;
    /** Its health check needs no thread, and meets no deadlock. */
    healthApart?: boolean;
    /** What is answered, by the begin of the path; the first that matches. */
    pages?: Page[];
  }

  /** A server that is no fake. Where it is not installed the scenario is skipped. */
  export interface RealBackend {
    /** One of the two. */
    asgi?: AsgiServer;
    /** One Java file on the JDK's own HTTP server, with so many MB of heap (default 32). It answers every path. */
    jvm?: { heap?: number; version?: string };
    /** Path of its health check. Default '/healthz'. */
    health?: string;
  }

  /** How an ASGI app is served; it answers /healthz, /swagger, /slow?ms=, /work?cpu=, /shared?ms=&lock=&peer= and /stuck?ms=, the last on its event loop. */
  export interface AsgiServer {
    /** Bare ASGI, or a Django site. Neither knows a lifespan. Default 'plain'. */
    app?: 'plain' | 'django';
    /** gunicorn with uvicorn's workers; otherwise uvicorn itself. */
    gunicorn?: boolean;
    /** Default 1. */
    workers?: number;
    /** Of gunicorn, for a worker that gives no sign of life: whole seconds. Default 30s. */
    timeout?: Duration;
    /** Default: not said, which is auto. */
    lifespan?: 'auto' | 'on' | 'off';
    /** How it is told: --lifespan (default), UVICORN_LIFESPAN, or a worker class of its own (gunicorn, not auto). */
    by?: 'option' | 'env' | 'worker';
    /** What it calls itself in the header X-Version. Default '1'. */
    version?: string;
    /** Status of /swagger. Default 200. */
    swagger?: number;
    /** A migration of this length runs before the server. */
    migrate?: Duration;
    /** The migration fails with this exit code. */
    badExit?: number;
  }

  /** What a backend answers under a path. */
  export interface Page {
    /** Begin of the paths. Default: all. */
    path?: string;
    /** Least size of the body, in bytes. */
    size?: number;
    /** Of the content: another edition has another ETag. */
    edition?: number;
    /** The edition grows by one each time that this has passed, by Unix time. Default: it stays. */
    every?: Duration;
    /** It has an ETag, and answers 304 to an If-None-Match that names it. */
    etag?: boolean;
    cacheControl?: string;
    /** Header names; the body shows their values. */
    vary?: string;
    setCookie?: string;
    /** The same for every user; otherwise the body names the user (Authorization, or the cookie user). */
    alike?: boolean;
  }

  /** k6's own http module, pointed at the target: paths begin with /, and each request and its answer is in the history. */
  export interface Client {
    get<RT extends ResponseType | undefined>(path: string, params?: RefinedParams<RT> | null): RefinedResponse<RT>;
    head<RT extends ResponseType | undefined>(path: string, params?: RefinedParams<RT> | null): RefinedResponse<RT>;
    post<RT extends ResponseType | undefined>(path: string, body?: RequestBody | null, params?: RefinedParams<RT> | null): RefinedResponse<RT>;
    put<RT extends ResponseType | undefined>(path: string, body?: RequestBody | null, params?: RefinedParams<RT> | null): RefinedResponse<RT>;
    patch<RT extends ResponseType | undefined>(path: string, body?: RequestBody | null, params?: RefinedParams<RT> | null): RefinedResponse<RT>;
    del<RT extends ResponseType | undefined>(path: string, body?: RequestBody | null, params?: RefinedParams<RT> | null): RefinedResponse<RT>;
    options<RT extends ResponseType | undefined>(path: string, body?: RequestBody | null, params?: RefinedParams<RT> | null): RefinedResponse<RT>;
    request<RT extends ResponseType | undefined>(method: string, path: string, body?: RequestBody | null, params?: RefinedParams<RT> | null): RefinedResponse<RT>;
  }

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
    /**
     * What sends the requests of the load to a target that answers them; belongs at the top of the script.
     * good tells whether an answer is what was asked for; by default one with a status below 400 is. whose names the user
     * whom an answer is for, if any: for the check leaks. Who asks is in the header Authorization, or in the cookie user;
     * an answer to nobody in particular must be for nobody.
     */
    client(http: Pick<typeof import('k6/http'), 'request'>, good?: (answer: Response) => boolean, whose?: (answer: Response) => unknown): Client;
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
    /** Measures the target as the sweep says; resolves when all is measured. */
    sweep(): Promise<void>;
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

  /** One way in which a server behind the target misbehaves. */
  export interface BackendRule {
    /** When it acts. Default 'request', which health checks are not; of 'down' 'health'. */
    on?: 'request' | 'health' | 'boot';
    /** A request id, or the begin of a path. */
    match?: string;
    do:
      | 'fail' | 'slow' | 'hang' | 'cut' | 'reset' | 'slow-body' | 'huge'
      | 'spiral' | 'deadlock' | 'leak' | 'down' | 'crash' | 'oom' | 'refuse' | 'slow-boot';
    /** Only so long after the begin of its service. */
    within?: Duration;
    /** Of 'fail': the HTTP status, 200 to 599, default 500; of 'crash': the exit code, default 3. */
    status?: number;
    /** Of 'slow', 'slow-boot' and 'spiral' (the time in which it doubles). */
    delay?: Duration;
    /** Of 'slow-body' and 'huge': bytes a second. */
    rate?: number;
    /** Of 'huge': megabytes. */
    mb?: number;
    /** Of 'down': what its health check names. */
    part?: 'disk' | 'dataSource' | 'broker' | 'cache';
    /** From the n-th match on. */
    nth?: number;
    /** So many times; 0 for ever. */
    times?: number;
  }

  /** A deployment, with the settings of an ECS service. */
  export interface Rollout {
    /** How the backends of the new version work, misbehaviour included. */
    backend?: (Backend & { rules?: BackendRule[] }) | RealBackend;
    /** What the target is told of their health checks. Default: the backend's path, 200, every 200ms for 150ms, 2 and 2. */
    health?: {
      path?: string; codes?: string; interval?: Duration; timeout?: Duration; healthy?: number; unhealthy?: number; grace?: Duration;
    };
    /** Backends. Default: as many as serve now. */
    desired?: number;
    /** Percent of them that stay healthy at least. Default 100. */
    minimumHealthy?: number;
    /** Percent of them that run at most. Default 200. */
    maximum?: number;
    /** So long after its start a backend need not be healthy. Default: until the target calls it unhealthy. */
    grace?: Duration;
    /** That one which goes has for its requests. Default 2s. */
    drain?: Duration;
    /** Of the rollout, and again of its rollback. Default 8s. */
    limit?: Duration;
    /** It looks so often. Default 100ms. */
    poll?: Duration;
    /** Half of desired failures in a row are enough, three at least. Default true. */
    breaker?: boolean;
    /** Back to the former version when it has failed. Default true. */
    rollback?: boolean;
    /** How it must end. Default 'done'. */
    ends?: 'done' | 'rolled-back' | 'not-rolled-back';
    /** Part of the reason that it must give, when it does not end 'done'. */
    says?: string;
  }

  /** One way of several: that of an instance of the target, or to a backend of one that answers requests; from 0. Default: all. */
  export interface Way {
    instance?: number;
    backend?: number;
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
    link(name: LinkName, how: 'latency', which: { delay: Duration; jitter?: Duration } & Way): Fault;
    /** Lets rate bytes a second through, in each direction of each connection. */
    link(name: LinkName, how: 'bandwidth', which: { rate: number } & Way): Fault;
    /** Nothing passes any more on the connections that are open now, and nobody hears of it; new ones are fine. */
    link(name: LinkName, how: 'half-open', which?: Way): Fault;
    /** Connections opened from now on get a byte through every delay; in effect once it has taken so many connections. */
    link(name: LinkName, how: 'drip', which: { delay: Duration; connections?: number } & Way): Fault;
    /** The neighbour does its work, and after so many bytes of its answer (0) both sides get a reset. */
    link(name: LinkName, how: 'reset', which?: { after?: number } & Way): Fault;
    /** Each side hears so much later that the other has closed. */
    link(name: LinkName, how: 'slow-close', which: { delay: Duration } & Way): Fault;
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
    /** Ends the broker, in order or by SIGKILL; healed, it is started again on its data. Needs broker: 'own', as all down to consumerTimeout. */
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
    /** Makes one of the servers behind the target misbehave; which one, from 0. Of a target that answers requests, as backendDown. */
    backend(rules: BackendRule[], which?: { backend?: number }): Fault;
    /** Kills one of the servers behind the target and leaves it dead; healed, it is started. */
    backendDown(which?: { backend?: number }): Fault;
    /** Blocks a worker of a backend's gunicorn until its master kills it. */
    stuck(which?: { backend?: number }): Fault;
    /** Fills the heap of a JVM behind the target: it lives, and hardly answers. Healed, it is started anew. */
    heap(which?: { backend?: number }): Fault;
    /** Makes the account service misbehave that backends depend on (their account.url is 'http://account'). */
    account(rules: BackendRule[]): Fault;
    /** Sends so many GET requests a second beside those of the load, for so long (default 2s), to path (default '/'). */
    spike(rate: number, more?: { for?: Duration; path?: string }): Fault;
    /** Clients (100) that ask for a large answer and read rate (10000) bytes of it a second. */
    slowReaders(path: string, which?: { count?: number; rate?: number }): Fault;
    /** Deploys another version behind the target (needs: 'rollout'); spent() waits until that has ended. */
    rollout(version: string, how?: Rollout): Fault;
  };
}
