import { ChevronRight } from "lucide-react";
import { Link } from "react-router";

import { useT } from "@/lib/i18n/provider";

interface Crumb {
  slug: string;
  name: string;
}

/** The way from the top to here. Its last step is the page itself where `here` is said. */
export function Crumbs({ path, here }: { path: readonly Crumb[]; here?: string }) {
  const t = useT();
  return (
    <nav aria-label={t("nav.categories")} className="mb-4 text-sm text-soft">
      <ol className="flex flex-wrap items-center gap-x-1">
        <li>
          <Link className="inline-flex min-h-8 items-center hover:underline" to="/categories">
            {t("nav.categories")}
          </Link>
        </li>
        {path.map((crumb) => (
          <li key={crumb.slug} className="flex items-center gap-1">
            <ChevronRight aria-hidden className="size-3.5" />
            <Link
              className="inline-flex min-h-8 items-center hover:underline"
              to={`/categories/${crumb.slug}`}
            >
              {crumb.name}
            </Link>
          </li>
        ))}
        {here ? (
          <li aria-current="page" className="flex items-center gap-1">
            <ChevronRight aria-hidden className="size-3.5" />
            {here}
          </li>
        ) : null}
      </ol>
    </nav>
  );
}
