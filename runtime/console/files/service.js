// Makes every call to the service.

const callMilliseconds = 60000;
const attemptsMax = 4;
/** A service that asks to wait longer than this has the person told instead. */
const waitSecondsMax = 10;
/** Somebody may sign in in another window, of which nobody tells. */
const signInSeconds = 10;

/**
 * Fault is an answer that is an error. Its message is the service's sentence for people; status 0 says that nobody answered. body.own, in
 * place of a message, is the console's own sentence.
 */
export class Fault extends Error {
  constructor(status, body, retryAfter = 0) {
    super(body.message || "");
    this.status = status;
    this.body = body;
    this.errors = body.errors || [];
    this.requestId = body.requestId || "";
    this.retryAfter = retryAfter; // seconds
  }
}

/**
 * Service calls the API of the page's own origin.
 *   renew     is called when the session has ended; it resolves once there is one again, and rejects where the person gives up
 *   answered  is told the name of the region that gave an answer
 *   ended     is told true where the background finds that the session has ended, and false once there is one again
 *
 * Its background is the same service for what nobody has asked for at that moment, such as refreshing by itself: a person who is
 * typing must not find the keys in a field for a password.
 */
export class Service {
  constructor({ renew, answered, ended }) {
    this.renew = renew;
    this.answered = answered;
    this.session = 0; // how often it was renewed
    this.renewing = null;
    this.ended = ended;
    this.background = Object.create(this, { call: { value: (...call) => this.callUnasked(...call) } });
  }

  /** callUnasked is call for the background: where the session has ended, it fails and tells so, and nobody is asked for a password. */
  async callUnasked(method, path, options = {}) {
    try {
      const answer = await this.call(method, path, { ...options, renew: false });
      this.ended(false);
      return answer;
    } catch (error) {
      if (error.status === 401) this.ended(true);
      throw error;
    }
  }

  /**
   * enduring is the background for work that goes on for long, such as a transfer: where the session has ended, its calls wait until there
   * is one again, and are then made once more. waits is told each time that one begins to wait.
   */
  enduring(waits) {
    const call = async (method, path, options = {}) => {
      for (;;) {
        const used = this.session;
        try {
          return await this.callUnasked(method, path, options);
        } catch (error) {
          if (error.status !== 401) throw error;
          waits();
          for (let seconds = 0; seconds < signInSeconds && used === this.session; seconds++) await pause(1, options.signal);
        }
      }
    };
    return Object.create(this, { call: { value: call } });
  }

  /** get asks for JSON. query is an object of texts or lists of texts; those that are undefined or empty are left out. */
  get(path, query = {}, options = {}) { return this.json("GET", path, { ...options, query }); }

  /** json makes one call as call does, and returns what its answer says. */
  async json(method, path, options = {}) {
    const answer = await this.call(method, path, options);
    return answer.json().catch((error) => {
      if (options.signal?.aborted) throw error;
      throw new Fault(0, {}); // the connection was lost amid the answer
    });
  }

  /** getValues is get for the calls that answer values: decimals come as texts, digit by digit as they are stored. */
  getValues(path, query = {}, options = {}) {
    return this.get(path, { ...query, numbers: "string" }, options);
  }

  /** csv asks for the same address as a file. */
  async csv(path, query = {}, options = {}) {
    return (await this.call("GET", path, { ...options, query, headers: { Accept: "text/csv" }, milliseconds: 0 })).blob();
  }

  /**
   * call makes one call and returns its answer when it is not an error; an error is thrown as a Fault. Where the session has
   * ended it waits until there is one again, and makes the same call once more: whoever called notices nothing. What only reads
   * is tried again where the service is busy.
   *
   * options: query as in get, headers, body, signal to give up, milliseconds until it is given up (0: never), and renew: false for a
   * call that is to fail where there is no session, and attempts where a call that only reads is not to be tried four times.
   */
  async call(method, path, options = {}) {
    for (let attempt = 1; ; attempt++) {
      const used = this.session;
      try {
        return await this.once(method, path, options);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        if (error.status === 401 && options.renew !== false) await this.renewOnce(used);
        else if (method === "GET" && mayHelp(error) && attempt < (options.attempts || attemptsMax)) await pause(error.retryAfter || 2 ** attempt / 2, options.signal);
        else throw error;
      }
    }
  }

  /** signInAgain asks for the password because the person wants it. */
  signInAgain() { return this.renewOnce(this.session); }

  /** renewOnce lets all calls that found the session ended wait for one renewal. */
  renewOnce(used) {
    if (used !== this.session) return Promise.resolve(); // somebody has signed in since the call was made
    this.renewing ||= this.renew().then(() => { this.session += 1; this.ended(false); }).finally(() => { this.renewing = null; });
    return this.renewing;
  }

  async once(method, path, { query = {}, headers = {}, body, signal, milliseconds = callMilliseconds }) {
    const limits = [signal, milliseconds > 0 ? AbortSignal.timeout(milliseconds) : null].filter(Boolean);
    const answer = await fetch(path + written(query), {
      method, headers, body, credentials: "same-origin", cache: "no-store", signal: AbortSignal.any(limits),
    }).catch((error) => {
      if (signal?.aborted) throw error;
      throw new Fault(0, {});
    });
    this.answered(answer.headers.get("X-Region"));
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => ({})); // not from the service itself: a general sentence is said
    throw new Fault(answer.status, problem, Number(answer.headers.get("Retry-After")) || 0);
  }
}

const mayHelp = ({ status, retryAfter }) => (status === 503 || status === 0) && retryAfter <= waitSecondsMax;

/** passes tells whether an error may end by itself: nobody answered, or somebody is busy. */
export const passes = ({ status }) => [0, 408, 429].includes(status) || status >= 500;

/** pause waits, unless signal ends it. */
export function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}

function written(query) {
  const all = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) if (one !== undefined && one !== "") all.append(name, one);
  }
  const text = all.toString();
  return text ? "?" + text : "";
}
