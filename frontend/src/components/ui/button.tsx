import { clsx } from "clsx";
import type { ComponentProps } from "react";
import { Link } from "react-router";

type Look = "primary" | "quiet" | "plain";
type Size = "md" | "lg";

const LOOKS: Readonly<Record<Look, string>> = {
  primary: "bg-accent text-on-accent hover:bg-accent-strong",
  quiet: "border border-edge/50 bg-card hover:border-edge hover:bg-tint",
  plain: "hover:bg-tint",
};
const SIZES: Readonly<Record<Size, string>> = { md: "min-h-11 px-5", lg: "min-h-13 px-7 text-lg" };

function classes(look: Look, size: Size, className: string | undefined) {
  return clsx(
    "inline-flex items-center justify-center gap-2 rounded-full font-semibold transition-colors",
    "disabled:cursor-not-allowed disabled:opacity-55",
    LOOKS[look],
    SIZES[size],
    className,
  );
}

type Props = ComponentProps<"button"> & { look?: Look; size?: Size };

export function Button({ look = "primary", size = "md", className, type = "button", ...rest }: Props) {
  return <button type={type} className={classes(look, size, className)} {...rest} />;
}

type LinkProps = ComponentProps<typeof Link> & { look?: Look; size?: Size };

export function ButtonLink({ look = "primary", size = "md", className, ...rest }: LinkProps) {
  return <Link className={classes(look, size, className)} {...rest} />;
}
