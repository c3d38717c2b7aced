// Made by `npm run codegen` from schema/api.graphql and the operations under src/; do not edit.
/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** The substances that EU law makes a label name (Annex II of Regulation (EU) No 1169/2011). */
export type Allergen =
  /** Cereals containing gluten. */
  | 'GLUTEN'
  /** Crustaceans, such as prawns and crab. */
  | 'CRUSTACEANS'
  /** Eggs. */
  | 'EGGS'
  /** Fish. */
  | 'FISH'
  /** Peanuts. */
  | 'PEANUTS'
  /** Soya beans. */
  | 'SOYA'
  /** Milk, lactose included. */
  | 'MILK'
  /** Tree nuts, such as almonds and hazelnuts. */
  | 'NUTS'
  /** Celery and celeriac. */
  | 'CELERY'
  /** Mustard. */
  | 'MUSTARD'
  /** Sesame seeds. */
  | 'SESAME'
  /** Sulphur dioxide and sulphites. */
  | 'SULPHITES'
  /** Lupin. */
  | 'LUPIN'
  /** Molluscs, such as mussels and squid. */
  | 'MOLLUSCS';

/** The order of a list of products. Products that are equal in it stand in the order in which they were added. */
export type ProductSort =
  /** What was added last first. */
  | 'NEWEST'
  /** By name from A to Z, without regard to case and accents. */
  | 'NAME'
  /** The cheapest first. */
  | 'PRICE_ASC'
  /** The dearest first. */
  | 'PRICE_DESC';

/** What a size counts. */
export type Unit =
  /** Grams. */
  | 'G'
  /** Kilograms. */
  | 'KG'
  /** Millilitres. */
  | 'ML'
  /** Litres. */
  | 'L'
  /** Pieces. */
  | 'PIECE';

/** What kind of actor changed an order. */
export type OrderActorKind =
  /** The shopper whose order it is. */
  | 'CUSTOMER'
  /** Somebody who runs the shop. */
  | 'ADMIN'
  /** The shop itself. */
  | 'SERVICE';

/** Where an order stands: PENDING → CONFIRMED → PACKED → SHIPPED → DELIVERED, or one of two ends before that. */
export type OrderStatus =
  /** Its stock is reserved: it is a sale. */
  | 'CONFIRMED'
  /** Its stock is being reserved. This lasts moments, and half a minute at most. */
  | 'PENDING'
  /** It is ready to leave. From here on only staff can cancel it. */
  | 'PACKED'
  /** It is on its way. From here on nobody can cancel it. */
  | 'SHIPPED'
  /** It has arrived. */
  | 'DELIVERED'
  /** There was not enough stock. Nothing was reserved. */
  | 'REJECTED'
  /** It was ended before it was shipped, and its stock was given back. */
  | 'CANCELLED';

/** A name and a password. */
export type LoginInput = {
  /** The name, in any case. */
  username: string;
  /** The password. */
  password: string;
};

/** A new account. */
export type RegisterUserInput = {
  /** The name: 3 to 32 letters, digits and `. _ -`. Unique in the shop, whatever its case. */
  username: string;
  /** The password: 8 to 128 characters. */
  password: string;
};

/** Which products a list shall have: those that fit everything that is said here. */
export type ProductFilter = {
  /** Those in the category with this slug, and in the categories below it. */
  category?: string | null | undefined;
  /** Those that cost at least this, in minor units. */
  minPrice?: number | null | undefined;
  /** Those that cost at most this, in minor units. */
  maxPrice?: number | null | undefined;
  /** Those of which something can be sold now (`true`), or nothing (`false`). */
  inStock?: boolean | null | undefined;
  /** Those of the seller with this id. */
  seller?: string | null | undefined;
  /**
   * Those that have, in their name, brand or categories, a word that begins like each word of this text. Case and accents do
   * not matter. At most 8 words; an empty text leaves nothing out.
   */
  text?: string | null | undefined;
};

/** A product to buy and how many of it. */
export type OrderProductInput = {
  /** The product's `_id`. */
  _id: string;
  /** How many: 1 to 10000. */
  quantity: number;
};

export type BasketProductsQueryVariables = Exact<{
  ids: Array<string> | string;
}>;


export type BasketProductsQuery = { products: Array<{ _id: string, slug: string, name: string, brand: string | null, price: number, sizeText: string | null, pictures: Array<string>, unitPrice: { amount: number, per: Unit } | null, stock: { available: number, inStock: boolean, low: boolean } | null } | null> | null };

export type PlaceOrderMutationVariables = Exact<{
  products: Array<OrderProductInput | null | undefined> | OrderProductInput;
  idempotencyKey: string;
}>;


export type PlaceOrderMutation = { placeOrder: { _id: string, total: number } | null };

export type CategoryPageQueryVariables = Exact<{
  slug: string;
}>;


export type CategoryPageQuery = { category: { _id: string, slug: string, name: string, description: string | null, path: Array<{ _id: string, slug: string, name: string }>, children: Array<{ _id: string, slug: string, name: string }> } | null };

export type CategoryTreeQueryVariables = Exact<{ [key: string]: never; }>;


export type CategoryTreeQuery = { categories: Array<{ _id: string, slug: string, name: string, description: string | null, products: { nodes: Array<{ _id: string, pictures: Array<string> }> }, children: Array<{ _id: string, slug: string, name: string, children: Array<{ _id: string, slug: string, name: string }> }> }> };

export type HomeQueryVariables = Exact<{
  cheap: number;
}>;


export type HomeQuery = { categories: Array<{ _id: string, slug: string, name: string, products: { nodes: Array<{ _id: string, pictures: Array<string> }> } }>, newest: { nodes: Array<{ _id: string, slug: string, name: string, brand: string | null, price: number, sizeText: string | null, pictures: Array<string>, unitPrice: { amount: number, per: Unit } | null, stock: { available: number, inStock: boolean, low: boolean } | null }> } | null, small: { nodes: Array<{ _id: string, slug: string, name: string, brand: string | null, price: number, sizeText: string | null, pictures: Array<string>, unitPrice: { amount: number, per: Unit } | null, stock: { available: number, inStock: boolean, low: boolean } | null }> } | null };

export type ProductListQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
  sort?: ProductSort | null | undefined;
  filter?: ProductFilter | null | undefined;
}>;


export type ProductListQuery = { productsConnection: { totalCount: number, nodes: Array<{ _id: string, slug: string, name: string, brand: string | null, price: number, sizeText: string | null, pictures: Array<string>, unitPrice: { amount: number, per: Unit } | null, stock: { available: number, inStock: boolean, low: boolean } | null }>, pageInfo: { endCursor: string | null, hasNextPage: boolean } } | null };

export type ProductPageQueryVariables = Exact<{
  slug: string;
}>;


export type ProductPageQuery = { productBySlug: { description: string | null, storage: string | null, allergens: Array<Allergen> | null, sellerId: string | null, _id: string, slug: string, name: string, brand: string | null, price: number, sizeText: string | null, pictures: Array<string>, category: { _id: string, slug: string, name: string, path: Array<{ _id: string, slug: string, name: string }>, products: { nodes: Array<{ _id: string, slug: string, name: string, brand: string | null, price: number, sizeText: string | null, pictures: Array<string>, unitPrice: { amount: number, per: Unit } | null, stock: { available: number, inStock: boolean, low: boolean } | null }> } } | null, unitPrice: { amount: number, per: Unit } | null, stock: { available: number, inStock: boolean, low: boolean } | null } | null };

export type ProductTileFragment = { _id: string, slug: string, name: string, brand: string | null, price: number, sizeText: string | null, pictures: Array<string>, unitPrice: { amount: number, per: Unit } | null, stock: { available: number, inStock: boolean, low: boolean } | null };

export type ProductsByIdQueryVariables = Exact<{
  ids: Array<string> | string;
}>;


export type ProductsByIdQuery = { products: Array<{ _id: string, slug: string, name: string, brand: string | null, price: number, sizeText: string | null, pictures: Array<string>, unitPrice: { amount: number, per: Unit } | null, stock: { available: number, inStock: boolean, low: boolean } | null } | null> | null };

export type SuggestProductsQueryVariables = Exact<{
  text: string;
}>;


export type SuggestProductsQuery = { productsConnection: { nodes: Array<{ _id: string, slug: string, name: string, brand: string | null, sizeText: string | null, price: number, pictures: Array<string> }> } | null };

export type CancelOrderMutationVariables = Exact<{
  id: string;
}>;


export type CancelOrderMutation = { cancelOrder: { _id: string, status: OrderStatus } | null };

export type OrderListQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
  userId?: string | null | undefined;
}>;


export type OrderListQuery = { ordersConnection: { nodes: Array<{ _id: string, placedAt: string, status: OrderStatus, total: number, products: Array<{ _id: string, name: string, quantity: number, product: { _id: string, pictures: Array<string> } | null }> | null }>, pageInfo: { endCursor: string | null, hasNextPage: boolean } } | null };

export type OrderPageQueryVariables = Exact<{
  id: string;
}>;


export type OrderPageQuery = { order: { _id: string, placedAt: string, status: OrderStatus, total: number, products: Array<{ _id: string, name: string, quantity: number, unitPrice: number, lineTotal: number, product: { _id: string, slug: string, pictures: Array<string> } | null }> | null, history: Array<{ at: string, status: OrderStatus, reason: string | null, by: { kind: OrderActorKind } }> } | null };

export type LoginMutationVariables = Exact<{
  input: LoginInput;
}>;


export type LoginMutation = { login: { access_token: string, expires_at: string, user: { _id: string, username: string } } | null };

export type LogoutMutationVariables = Exact<{ [key: string]: never; }>;


export type LogoutMutation = { logout: boolean | null };

export type RegisterMutationVariables = Exact<{
  input: RegisterUserInput;
}>;


export type RegisterMutation = { registerUser: { access_token: string, expires_at: string, user: { _id: string, username: string } } | null };

export type RenewMutationVariables = Exact<{ [key: string]: never; }>;


export type RenewMutation = { refreshToken: { access_token: string, expires_at: string, user: { _id: string, username: string } } | null };

export type ShopQueryVariables = Exact<{ [key: string]: never; }>;


export type ShopQuery = { shop: { name: string, currency: string, exponent: number } };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, unknown> | undefined;

  constructor(value: string, __meta__?: Record<string, unknown> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}
export const ProductTileFragmentDoc = /* @__PURE__ */ new TypedDocumentString(`
    fragment ProductTile on Product {
  _id
  slug
  name
  brand
  price
  sizeText
  unitPrice {
    amount
    per
  }
  pictures
  stock {
    available
    inStock
    low
  }
}
    `, {"fragmentName":"ProductTile"}) as unknown as TypedDocumentString<ProductTileFragment, unknown>;
export const BasketProductsDocument = /* @__PURE__ */ new TypedDocumentString(`
    query BasketProducts($ids: [ID!]!) {
  products(ids: $ids) {
    ...ProductTile
  }
}
    fragment ProductTile on Product {
  _id
  slug
  name
  brand
  price
  sizeText
  unitPrice {
    amount
    per
  }
  pictures
  stock {
    available
    inStock
    low
  }
}`) as unknown as TypedDocumentString<BasketProductsQuery, BasketProductsQueryVariables>;
export const PlaceOrderDocument = /* @__PURE__ */ new TypedDocumentString(`
    mutation PlaceOrder($products: [OrderProductInput]!, $idempotencyKey: String!) {
  placeOrder(products: $products, idempotencyKey: $idempotencyKey) {
    _id
    total
  }
}
    `) as unknown as TypedDocumentString<PlaceOrderMutation, PlaceOrderMutationVariables>;
export const CategoryPageDocument = /* @__PURE__ */ new TypedDocumentString(`
    query CategoryPage($slug: String!) {
  category(slug: $slug) {
    _id
    slug
    name
    description
    path {
      _id
      slug
      name
    }
    children {
      _id
      slug
      name
    }
  }
}
    `) as unknown as TypedDocumentString<CategoryPageQuery, CategoryPageQueryVariables>;
export const CategoryTreeDocument = /* @__PURE__ */ new TypedDocumentString(`
    query CategoryTree {
  categories {
    _id
    slug
    name
    description
    products(first: 1, sort: NAME) {
      nodes {
        _id
        pictures
      }
    }
    children {
      _id
      slug
      name
      children {
        _id
        slug
        name
      }
    }
  }
}
    `) as unknown as TypedDocumentString<CategoryTreeQuery, CategoryTreeQueryVariables>;
export const HomeDocument = /* @__PURE__ */ new TypedDocumentString(`
    query Home($cheap: Int!) {
  categories {
    _id
    slug
    name
    products(first: 1, sort: NAME) {
      nodes {
        _id
        pictures
      }
    }
  }
  newest: productsConnection(first: 12, sort: NEWEST, filter: {inStock: true}) {
    nodes {
      ...ProductTile
    }
  }
  small: productsConnection(
    first: 12
    sort: PRICE_ASC
    filter: {inStock: true, maxPrice: $cheap}
  ) {
    nodes {
      ...ProductTile
    }
  }
}
    fragment ProductTile on Product {
  _id
  slug
  name
  brand
  price
  sizeText
  unitPrice {
    amount
    per
  }
  pictures
  stock {
    available
    inStock
    low
  }
}`) as unknown as TypedDocumentString<HomeQuery, HomeQueryVariables>;
export const ProductListDocument = /* @__PURE__ */ new TypedDocumentString(`
    query ProductList($first: Int!, $after: String, $sort: ProductSort, $filter: ProductFilter) {
  productsConnection(first: $first, after: $after, sort: $sort, filter: $filter) {
    totalCount
    nodes {
      ...ProductTile
    }
    pageInfo {
      endCursor
      hasNextPage
    }
  }
}
    fragment ProductTile on Product {
  _id
  slug
  name
  brand
  price
  sizeText
  unitPrice {
    amount
    per
  }
  pictures
  stock {
    available
    inStock
    low
  }
}`) as unknown as TypedDocumentString<ProductListQuery, ProductListQueryVariables>;
export const ProductPageDocument = /* @__PURE__ */ new TypedDocumentString(`
    query ProductPage($slug: String!) {
  productBySlug(slug: $slug) {
    ...ProductTile
    description
    storage
    allergens
    sellerId
    category {
      _id
      slug
      name
      path {
        _id
        slug
        name
      }
      products(first: 7) {
        nodes {
          ...ProductTile
        }
      }
    }
  }
}
    fragment ProductTile on Product {
  _id
  slug
  name
  brand
  price
  sizeText
  unitPrice {
    amount
    per
  }
  pictures
  stock {
    available
    inStock
    low
  }
}`) as unknown as TypedDocumentString<ProductPageQuery, ProductPageQueryVariables>;
export const ProductsByIdDocument = /* @__PURE__ */ new TypedDocumentString(`
    query ProductsById($ids: [ID!]!) {
  products(ids: $ids) {
    ...ProductTile
  }
}
    fragment ProductTile on Product {
  _id
  slug
  name
  brand
  price
  sizeText
  unitPrice {
    amount
    per
  }
  pictures
  stock {
    available
    inStock
    low
  }
}`) as unknown as TypedDocumentString<ProductsByIdQuery, ProductsByIdQueryVariables>;
export const SuggestProductsDocument = /* @__PURE__ */ new TypedDocumentString(`
    query SuggestProducts($text: String!) {
  productsConnection(first: 6, filter: {text: $text}) {
    nodes {
      _id
      slug
      name
      brand
      sizeText
      price
      pictures
    }
  }
}
    `) as unknown as TypedDocumentString<SuggestProductsQuery, SuggestProductsQueryVariables>;
export const CancelOrderDocument = /* @__PURE__ */ new TypedDocumentString(`
    mutation CancelOrder($id: ID!) {
  cancelOrder(id: $id) {
    _id
    status
  }
}
    `) as unknown as TypedDocumentString<CancelOrderMutation, CancelOrderMutationVariables>;
export const OrderListDocument = /* @__PURE__ */ new TypedDocumentString(`
    query OrderList($first: Int!, $after: String, $userId: ID) {
  ordersConnection(first: $first, after: $after, filter: {userId: $userId}) {
    nodes {
      _id
      placedAt
      status
      total
      products {
        _id
        name
        quantity
        product {
          _id
          pictures
        }
      }
    }
    pageInfo {
      endCursor
      hasNextPage
    }
  }
}
    `) as unknown as TypedDocumentString<OrderListQuery, OrderListQueryVariables>;
export const OrderPageDocument = /* @__PURE__ */ new TypedDocumentString(`
    query OrderPage($id: ID!) {
  order(id: $id) {
    _id
    placedAt
    status
    total
    products {
      _id
      name
      quantity
      unitPrice
      lineTotal
      product {
        _id
        slug
        pictures
      }
    }
    history {
      at
      status
      reason
      by {
        kind
      }
    }
  }
}
    `) as unknown as TypedDocumentString<OrderPageQuery, OrderPageQueryVariables>;
export const LoginDocument = /* @__PURE__ */ new TypedDocumentString(`
    mutation Login($input: LoginInput!) {
  login(input: $input) {
    access_token
    expires_at
    user {
      _id
      username
    }
  }
}
    `) as unknown as TypedDocumentString<LoginMutation, LoginMutationVariables>;
export const LogoutDocument = /* @__PURE__ */ new TypedDocumentString(`
    mutation Logout {
  logout
}
    `) as unknown as TypedDocumentString<LogoutMutation, LogoutMutationVariables>;
export const RegisterDocument = /* @__PURE__ */ new TypedDocumentString(`
    mutation Register($input: RegisterUserInput!) {
  registerUser(input: $input) {
    access_token
    expires_at
    user {
      _id
      username
    }
  }
}
    `) as unknown as TypedDocumentString<RegisterMutation, RegisterMutationVariables>;
export const RenewDocument = /* @__PURE__ */ new TypedDocumentString(`
    mutation Renew {
  refreshToken {
    access_token
    expires_at
    user {
      _id
      username
    }
  }
}
    `) as unknown as TypedDocumentString<RenewMutation, RenewMutationVariables>;
export const ShopDocument = /* @__PURE__ */ new TypedDocumentString(`
    query Shop {
  shop {
    name
    currency
    exponent
  }
}
    `) as unknown as TypedDocumentString<ShopQuery, ShopQueryVariables>;
