import { clsx } from "clsx";
import { Link } from "react-router";

import { Crumbs } from "@/components/ui/crumbs";
import type { CategoryPageQuery } from "@/gql/graphql";
import { useT } from "@/lib/i18n/provider";

type Category = NonNullable<CategoryPageQuery["category"]>;

/** What a category is, where it stands, and what is below it. */
export function CategoryHead({ category }: { category: Category | undefined }) {
  const t = useT();
  if (!category) {
    return (
      <div aria-hidden>
        <div className="bone mb-4 h-8 w-48" />
        <div className="bone h-[2.1rem] w-72 max-w-full sm:h-[2.6rem]" />
        <div className="bone mt-2 h-12 w-96 max-w-full sm:h-6" />
        <div className="bone mt-5 h-24 w-full sm:h-11" />
      </div>
    );
  }
  return (
    <>
      <Crumbs path={category.path.slice(0, -1)} here={category.name} />
      <h1 className="text-3xl font-extrabold sm:text-4xl">{category.name}</h1>
      {category.description ? <p className="mt-2 min-h-6 text-soft">{category.description}</p> : null}
      <nav
        aria-label={t("category.within", { category: category.name })}
        className={clsx("mt-5 flex min-h-11 flex-wrap gap-2", category.children.length === 0 && "hidden")}
      >
        {category.children.map((child) => (
          <Link
            key={child._id}
            to={`/categories/${child.slug}`}
            className="inline-flex min-h-11 items-center rounded-full border border-edge/50 bg-card px-4 text-sm font-semibold hover:bg-tint"
          >
            {child.name}
          </Link>
        ))}
      </nav>
    </>
  );
}
