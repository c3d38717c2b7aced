export const ICON_BUTTON =
  "grid size-12 shrink-0 place-items-center rounded-full hover:bg-tint data-[state=open]:bg-tint";
