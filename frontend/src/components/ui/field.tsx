import { clsx } from "clsx";
import { useId, type ComponentProps, type ReactNode } from "react";

type Props = ComponentProps<"input"> & {
  label: string;
  hint?: string | undefined;
  error?: string | undefined;
  /** A button in the field, at its end. */
  end?: ReactNode;
};

/** A labelled text field with its hint and what is wrong with it. */
export function Field({ label, hint, error, end, className, ...rest }: Props) {
  const id = useId();
  const about = [hint ? `${id}-hint` : "", error ? `${id}-error` : ""].filter(Boolean).join(" ");
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1.5 block font-semibold">
        {label}
      </label>
      <div className="relative">
        <input
          id={id}
          aria-invalid={error ? true : undefined}
          aria-describedby={about || undefined}
          className={clsx(
            "min-h-12 w-full rounded-xl border bg-card px-4 text-base",
            error ? "border-bad" : "border-edge",
            end ? "pr-14" : "",
          )}
          {...rest}
        />
        {end ? <div className="absolute inset-y-0 right-1 grid place-items-center">{end}</div> : null}
      </div>
      {hint ? (
        <p id={`${id}-hint`} className="mt-1.5 text-sm text-soft">
          {hint}
        </p>
      ) : null}
      {error ? (
        <p id={`${id}-error`} className="mt-1.5 text-sm font-medium text-bad">
          {error}
        </p>
      ) : null}
    </div>
  );
}
