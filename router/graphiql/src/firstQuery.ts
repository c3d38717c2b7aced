/** What GraphiQL opens with: something that answers at once, and where to go from there. */
export const firstQuery = `# What is on the shelves. Press the play button, or Ctrl-Enter.
query Products {
  products {
    _id
    name
    price
    quantity
  }
}

# An account. Its access_token goes into the headers below, as
#   { "Authorization": "Bearer <access_token>" }
# mutation Register {
#   registerUser(input: { username: "ann", password: "a good password" }) {
#     access_token
#     user { _id username }
#   }
# }

# An order, with that header.
# mutation Order {
#   placeOrder(products: [{ _id: "<id of a product>", quantity: 2 }]) {
#     _id
#     userId
#     products { _id quantity }
#   }
# }
`;
