//! What a product allows and what it refuses.

use super::{
    super::{
        category::Tree,
        category_input::{CategoryForm, NewCategory},
        checks::Edit,
        product_input::{ProductEdits, ProductForm},
    },
    *,
};

const ALL: [Status; 4] = [Status::Draft, Status::Ended, Status::Published, Status::Archived];

fn product(editor: Editor) -> Product {
    let form = ProductForm { name: "Milk".to_owned(), price: 119, quantity: 3, ..ProductForm::default() };
    let new = NewProduct::check(form, &Tree::default()).unwrap();
    let slug = new.made_slug();
    Product::draft(new, ProductId::new(), slug, editor, DateTime::UNIX_EPOCH)
}

fn published(editor: Editor) -> Product {
    let mut product = product(editor);
    product.publish().unwrap();
    product
}

fn edits(edits: ProductEdits) -> Changes {
    Changes::check(edits, &Tree::default()).unwrap()
}

#[test]
fn allows_these_changes_of_state_and_no_others() {
    let allowed = [
        (Status::Draft, Status::Ended),
        (Status::Draft, Status::Published),
        (Status::Published, Status::Archived),
    ];
    for from in ALL {
        for to in ALL {
            let mut product = product(Editor::Shop);
            product.status = from;
            assert_eq!(product.advance(to).is_ok(), allowed.contains(&(from, to)), "{from:?} to {to:?}");
            assert_eq!(product.status == to, allowed.contains(&(from, to)) || from == to);
        }
    }
}

#[test]
fn never_shows_a_draft_that_was_ended() {
    let mut product = product(Editor::Shop);
    product.end().unwrap();
    product.end().unwrap();
    assert!(product.publish().is_err());
    assert!(!product.is_known());
}

#[test]
fn never_ends_a_product_that_was_shown() {
    let mut product = published(Editor::Shop);
    assert!(product.end().is_err());
    assert!(product.is_offered());
}

#[test]
fn hides_a_product_from_other_sellers_and_a_draft_from_all() {
    let (ann, ben) = (UserId::new(), UserId::new());
    let own = published(Editor::Seller(ann));
    assert_eq!(own.admit(Editor::Seller(ann)), Ok(()));
    assert_eq!(own.admit(Editor::Shop), Ok(()));
    assert_eq!(own.admit(Editor::Seller(ben)), Err(ProductError::NotFound(own.id)));
    assert!(published(Editor::Shop).admit(Editor::Seller(ann)).is_err());
    assert!(product(Editor::Seller(ann)).admit(Editor::Shop).is_err());
}

#[test]
fn tells_a_change_of_place_from_one_of_details() {
    let mut product = published(Editor::Shop);
    let mut change = |changes| product.change(Editor::Shop, edits(changes), DateTime::UNIX_EPOCH).unwrap();
    assert_eq!(change(ProductEdits { price: Edit::Set(129), ..ProductEdits::default() }), Changed::Listing);
    assert_eq!(change(ProductEdits { price: Edit::Set(129), ..ProductEdits::default() }), Changed::Nothing);
    let storage = ProductEdits { storage: Edit::Set("Keep cool.".to_owned()), ..ProductEdits::default() };
    assert_eq!(change(storage), Changed::Details);
    assert_eq!(change(ProductEdits { storage: Edit::Clear, ..ProductEdits::default() }), Changed::Details);
    assert_eq!(
        change(ProductEdits { pictures: Edit::Set(vec!["/a".to_owned()]), ..ProductEdits::default() }),
        Changed::Details
    );
    assert_eq!(change(ProductEdits { pictures: Edit::Clear, ..ProductEdits::default() }), Changed::Details);
    assert!(product.pictures.is_empty() && product.storage.is_none());
}

#[test]
fn does_not_change_what_is_archived() {
    let mut product = published(Editor::Shop);
    assert_eq!(product.archive(Editor::Shop, DateTime::UNIX_EPOCH), Ok(true));
    assert_eq!(product.archive(Editor::Shop, DateTime::UNIX_EPOCH), Ok(false));
    let renamed = edits(ProductEdits { name: Edit::Set("Cream".to_owned()), ..ProductEdits::default() });
    assert_eq!(product.change(Editor::Shop, renamed, DateTime::UNIX_EPOCH), Err(ProductError::Archived));
    assert!(product.is_known() && !product.is_offered());
}

#[test]
fn believes_only_newer_news_of_its_stock() {
    let mut product = published(Editor::Shop);
    assert!(product.in_stock());
    assert!(product.hear_stock(false, 5));
    assert!(!product.hear_stock(true, 5));
    assert!(!product.hear_stock(true, 4));
    assert!(!product.in_stock());
    assert!(product.hear_stock(true, 6));
}

#[test]
fn believes_only_a_newer_tree_and_only_of_its_own_category() {
    let mut tree = Tree::default();
    let mut add = |name: &str| {
        let form = CategoryForm { name: name.to_owned(), ..CategoryForm::default() };
        let category = tree.add(CategoryId::new(), NewCategory::check(form).unwrap()).unwrap();
        (tree.filing(category.id()).unwrap(), tree.clone())
    };
    let (dairy, older) = add("Dairy");
    let (fruit, newer) = add("Fruit");
    let category = dairy.category().unwrap();
    let mut product = published(Editor::Shop);
    assert!(!product.file(dairy.clone()), "a product without a category is not given one");
    product.filing = Some(dairy);
    assert!(!product.file(fruit));
    assert!(product.file(newer.filing(category).unwrap()));
    assert!(!product.file(older.filing(category).unwrap()));
}
