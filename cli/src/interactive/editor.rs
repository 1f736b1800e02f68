//! The line editor, put together.

use std::{
    env, io,
    path::Path,
    sync::{Arc, Mutex},
};

use reedline::{
    ColumnarMenu, Completer, CompletionResult, DefaultHinter, DefaultPrompt, DefaultPromptSegment, Emacs,
    FileBackedHistory, KeyCode, KeyModifiers, MenuBuilder, Reedline, ReedlineEvent, ReedlineMenu, Span, Suggestion,
    ValidationResult, Validator, default_emacs_keybindings,
};

use super::{
    complete::{Known, Lookup, complete},
    highlight::CatalogHighlighter,
    history::PrivateHistory,
};
use crate::{Catalog, CliError, command, console::Console};

const MENU: &str = "completion";
/// Lines of history.
const REMEMBERED: usize = 10_000;

/// The editor over `catalog`, with `lookup` for what exists and the history in the file `history`.
///
/// # Errors
/// When the history cannot be read.
pub(super) fn editor(
    catalog: Catalog,
    known: Arc<Mutex<Known>>,
    lookup: Box<dyn Lookup>,
    history: Option<&Path>,
) -> Result<Reedline, CliError> {
    let mut keys = default_emacs_keybindings();
    let open = ReedlineEvent::UntilFound(vec![ReedlineEvent::Menu(MENU.into()), ReedlineEvent::MenuNext]);
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, open);
    keys.add_binding(KeyModifiers::SHIFT, KeyCode::BackTab, ReedlineEvent::MenuPrevious);
    // One column, so that there is room for what each candidate means.
    let menu = ColumnarMenu::default().with_name(MENU).with_columns(1);
    let mut editor = Reedline::create()
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_completer(Box::new(CatalogCompleter { catalog, known, lookup }))
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_ansi_colors(env::var_os("NO_COLOR").is_none())
        .with_highlighter(Box::new(CatalogHighlighter(catalog)))
        .with_hinter(Box::new(DefaultHinter::default()))
        .with_validator(Box::new(Unfinished));
    if let Some(file) = history {
        let kept = FileBackedHistory::with_file(REMEMBERED, file.to_owned());
        let kept = kept.map_err(|cause| CliError::Read { path: file.to_owned(), cause: io::Error::other(cause) })?;
        editor = editor.with_history(Box::new(PrivateHistory::new(kept, catalog)));
    }
    Ok(editor)
}

/// Who is logged in, and where.
pub(super) fn prompt(console: &Console) -> DefaultPrompt {
    let account = console.keeper.session().map(|session| session.account.as_deref().unwrap_or("session"));
    let account = account.map_or_else(String::new, |name| format!("{name}@"));
    let text = format!("{account}{}", console.client().endpoint().authority());
    DefaultPrompt::new(DefaultPromptSegment::Basic(text), DefaultPromptSegment::Empty)
}

struct CatalogCompleter {
    catalog: Catalog,
    known: Arc<Mutex<Known>>,
    lookup: Box<dyn Lookup>,
}

impl Completer for CatalogCompleter {
    fn complete(&mut self, line: &str, cursor: usize) -> CompletionResult {
        // What is known is copied rather than held, since looking things up reads it too.
        let known = self.known.lock().map(|known| Known { variables: known.variables.clone(), session: None });
        let (range, candidates) = complete(self.catalog, &known.unwrap_or_default(), &mut *self.lookup, line, cursor);
        let suggestions: Vec<Suggestion> = candidates
            .into_iter()
            .map(|candidate| Suggestion {
                value: candidate.text,
                description: Some(candidate.description).filter(|text| !text.is_empty()),
                span: Span::new(range.start, range.end),
                append_whitespace: candidate.ends_word,
                ..Suggestion::default()
            })
            .collect();
        CompletionResult::fresh(suggestions)
    }
}

/// Enter goes on to a new line while a quote or bracket is open.
struct Unfinished;

impl Validator for Unfinished {
    fn validate(&self, line: &str) -> ValidationResult {
        if command::unfinished(line) { ValidationResult::Incomplete } else { ValidationResult::Complete }
    }
}
