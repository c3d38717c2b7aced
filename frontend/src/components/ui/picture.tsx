import { clsx } from "clsx";
import { ShoppingBasket } from "lucide-react";
import { useState } from "react";

interface Props {
  source: string | undefined;
  /** What it says to whoever cannot see it; nothing where a name stands beside it. */
  alt?: string;
  className?: string;
  /** Of the first screen: fetched at once. */
  eager?: boolean;
}

/** A product's picture in a square that is there before it is. */
export function Picture({ source, alt = "", className, eager = false }: Props) {
  const [broken, setBroken] = useState<string | null>(null);
  const shown = source !== undefined && source !== broken;
  return (
    <div
      className={clsx("grid aspect-square place-items-center overflow-hidden rounded-2xl bg-tint", className)}
    >
      {shown ? (
        <img
          src={source}
          alt={alt}
          width={256}
          height={256}
          loading={eager ? "eager" : "lazy"}
          decoding="async"
          draggable={false}
          className="size-[76%] object-contain"
          onError={() => setBroken(source)}
        />
      ) : (
        <ShoppingBasket aria-hidden className="size-1/3 text-edge" strokeWidth={1.25} />
      )}
    </div>
  );
}
