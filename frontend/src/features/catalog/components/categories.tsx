import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { Failure } from "@/components/ui/failure";
import { Picture } from "@/components/ui/picture";

import { treeQuery } from "./list-controls";

/** The whole tree: every category with what is below it. */
export function Categories() {
  const tree = useQuery(treeQuery);
  const categories = tree.data?.data.categories;
  if (tree.isError && !categories) return <Failure error={tree.error} retry={() => void tree.refetch()} />;
  return (
    <ul className="grid gap-4 sm:grid-cols-2 lg:grid-cols-3">
      {categories
        ? categories.map((category) => (
            <li key={category._id} className="flex gap-4 rounded-3xl border border-line bg-card p-4">
              <Picture
                source={category.products.nodes[0]?.pictures[0]}
                className="size-20 shrink-0 sm:size-24"
              />
              <div className="min-w-0">
                <h2 className="text-xl font-bold">
                  <Link to={`/categories/${category.slug}`} className="hover:underline">
                    {category.name}
                  </Link>
                </h2>
                {category.description ? (
                  <p className="mt-0.5 text-sm text-soft">{category.description}</p>
                ) : null}
                <ul className="mt-2 flex flex-wrap gap-x-4">
                  {category.children.map((child) => (
                    <li key={child._id}>
                      <Link
                        to={`/categories/${child.slug}`}
                        className="inline-flex min-h-9 items-center text-sm font-semibold text-accent hover:underline"
                      >
                        {child.name}
                      </Link>
                    </li>
                  ))}
                </ul>
              </div>
            </li>
          ))
        : Array.from({ length: 9 }, (_, at) => (
            <li key={at} aria-hidden className="flex h-42 gap-4 rounded-3xl border border-line p-4">
              <div className="bone size-20 rounded-2xl sm:size-24" />
              <div className="flex-1">
                <div className="bone h-6 w-32" />
                <div className="bone mt-2 h-4 w-full" />
                <div className="bone mt-4 h-4 w-4/5" />
              </div>
            </li>
          ))}
    </ul>
  );
}
