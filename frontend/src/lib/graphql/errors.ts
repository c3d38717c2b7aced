/** What can go wrong with an operation, by the codes of the shop's table (docs/ERRORS.md) and two of the way to it. */

export type ErrorCode =
  | "UNAUTHENTICATED"
  | "FORBIDDEN"
  | "NOT_FOUND"
  | "BAD_USER_INPUT"
  | "CONFLICT"
  | "OUT_OF_STOCK"
  | "PRICE_CHANGED"
  | "IDEMPOTENCY_MISMATCH"
  | "RATE_LIMITED"
  | "UNAVAILABLE"
  | "INTERNAL"
  /** The shop could not be reached. */
  | "NETWORK"
  /** The shop did not answer in time. */
  | "TIMEOUT"
  /** A code that this storefront does not know, or no code at all. */
  | "UNKNOWN";

const KNOWN: ReadonlySet<string> = new Set<ErrorCode>([
  "UNAUTHENTICATED",
  "FORBIDDEN",
  "NOT_FOUND",
  "BAD_USER_INPUT",
  "CONFLICT",
  "OUT_OF_STOCK",
  "PRICE_CHANGED",
  "IDEMPOTENCY_MISMATCH",
  "RATE_LIMITED",
  "UNAVAILABLE",
  "INTERNAL",
]);

/** The same request may be answered another time. */
const RETRYABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "RATE_LIMITED",
  "UNAVAILABLE",
  "INTERNAL",
  "NETWORK",
  "TIMEOUT",
]);

export interface Shortage {
  _id: string;
  requested: number;
  available: number;
}

export interface FieldError {
  field: string;
  message: string;
}

interface Details {
  path?: readonly (string | number)[];
  fields?: readonly FieldError[];
  shortages?: readonly Shortage[];
  /** Seconds. */
  retryAfter?: number;
  requestId?: string;
}

export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ErrorCode;
  readonly path: readonly (string | number)[];
  readonly fields: readonly FieldError[];
  readonly shortages: readonly Shortage[];
  readonly retryAfter: number | undefined;
  readonly requestId: string | undefined;

  constructor(code: ErrorCode, message: string, details: Details = {}) {
    super(message);
    this.code = code;
    this.path = details.path ?? [];
    this.fields = details.fields ?? [];
    this.shortages = details.shortages ?? [];
    this.retryAfter = details.retryAfter;
    this.requestId = details.requestId;
  }

  get retryable(): boolean {
    return RETRYABLE.has(this.code);
  }

  /** What is said of a field, where the server named it; `input.username` is found as `username`. */
  of(field: string): string | undefined {
    return this.fields.find((one) => one.field === field || one.field.endsWith(`.${field}`))?.message;
  }
}

/** Reads one entry of `errors[]`. Whatever it is, something that can be shown comes out. */
export function readError(raw: unknown): ApiError {
  const error = record(raw);
  const extensions = record(error["extensions"]);
  const code = text(extensions["code"]);
  const details: Details = {
    path: list(error["path"]).filter((part) => typeof part === "string" || typeof part === "number"),
    fields: list(extensions["fields"]).map((one) => {
      const field = record(one);
      return { field: text(field["field"]), message: text(field["message"]) };
    }),
    shortages: list(extensions["shortages"]).map((one) => {
      const shortage = record(one);
      return {
        _id: text(shortage["_id"]),
        requested: number(shortage["requested"]) ?? 0,
        available: number(shortage["available"]) ?? 0,
      };
    }),
  };
  const retryAfter = number(extensions["retryAfter"]);
  if (retryAfter !== undefined) details.retryAfter = retryAfter;
  const requestId = text(extensions["requestId"]);
  if (requestId !== "") details.requestId = requestId;
  return new ApiError(isCode(code) ? code : "UNKNOWN", text(error["message"]), details);
}

export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError("UNKNOWN", String(error));
}

function isCode(code: string): code is ErrorCode {
  return KNOWN.has(code);
}

export function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
