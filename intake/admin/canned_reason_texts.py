"""The prepared reasons as a label reads them, in every language that a label can choose."""

from __future__ import annotations

from collections.abc import Mapping

#: Language → key of a prepared reason → its words.
PHRASES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "cleared": "The rights to the matched recording were shown.",
        "different": "We compared both recordings by ear: they are not the same.",
        "own_name": "The name belongs to the delivering artist; it will not be taken for the protected one.",
        "harmless": "We looked at what was reported and found it in order.",
        "disclosed": "The use of AI was confirmed; the release goes out with the labels given here.",
        "content": "The release may go out, and listeners are told what it is.",
        "declare": "The file says that a generator made it, and the disclosure says none. Please correct "
        "the disclosure, or tell us how the recording was made, and deliver again.",
        "contradiction": "The disclosure of the track contradicts its contributors. Please state for each element "
        "how it was made.",
        "licence": "The recording contains a known recording of another owner. If you hold a licence, add "
        "it as a relation with the licence file, and deliver again.",
        "rename": "The artist's name can be mistaken for another artist's. Please show that you act for "
        "that artist, or deliver under the artist's own name.",
        "metadata": "Please correct the fields named in the findings, and deliver again as a submission that "
        "supersedes this one.",
        "audio": "The audio file cannot go out as it is. Please deliver a sound master file.",
        "partly": "Some tracks cannot go out. You can accept the others as they are, or mend the release "
        "and deliver it again.",
        "infringement": "The recording belongs to another owner, and no licence was shown.",
        "impersonation": "The release passes for the work of an artist who has no part in it.",
        "voice": "The recording imitates an identifiable person's voice, and no consent was shown.",
        "fraud": "The delivery does not stand for a genuine release.",
        "prohibited": "The content of the release is not distributed here.",
    },
    "de": {
        "cleared": "Die Rechte an der gefundenen Aufnahme wurden nachgewiesen.",
        "different": "Wir haben beide Aufnahmen angehört: Es ist nicht dieselbe.",
        "own_name": "Der Name gehört dem anliefernden Künstler; er wird nicht mit dem geschützten verwechselt.",
        "harmless": "Wir haben uns angesehen, was gemeldet wurde; es ist in Ordnung.",
        "disclosed": "Der Einsatz von KI wurde bestätigt; die Veröffentlichung geht mit den hier genannten "
        "Labels hinaus.Der Einsatz von KI wurde bestätigt; die Veröffentlichung geht mit den "
        "hier genannten Labels hinaus.",
        "content": "Die Veröffentlichung kann hinausgehen, und die Hörer erfahren, was sie ist.",
        "declare": "Die Datei gibt an, dass ein Generator sie erzeugt hat; die Angabe zur KI lautet "
        "„keine“. Bitte berichtigen Sie die Angabe, oder teilen Sie uns mit, wie die Aufnahme "
        "entstanden ist, und liefern Sie erneut an.",
        "contradiction": "Die KI-Angabe des Titels widerspricht den Mitwirkenden. Bitte geben Sie zu jedem "
        "Element an, wie es entstanden ist.",
        "licence": "Die Aufnahme enthält eine bekannte Aufnahme eines anderen Inhabers. Wenn Sie eine "
        "Lizenz haben, fügen Sie diese als Beziehung mit der Lizenzdatei hinzu und liefern Sie "
        "erneut an.",
        "rename": "Der Künstlername kann mit dem eines anderen Künstlers verwechselt werden. Bitte weisen "
        "Sie nach, dass Sie für diesen Künstler handeln, oder liefern Sie unter dem eigenen "
        "Namen des Künstlers an.",
        "metadata": "Bitte berichtigen Sie die in den Befunden genannten Felder, und liefern Sie erneut an: "
        "als Lieferung, die diese ersetzt.",
        "audio": "Die Audiodatei kann so nicht hinausgehen. Bitte liefern Sie eine einwandfreie Masterdatei.",
        "partly": "Einige Titel können nicht hinausgehen. Sie können die übrigen so annehmen, wie sie "
        "sind, oder die Veröffentlichung berichtigen und erneut anliefern.",
        "infringement": "Die Aufnahme gehört einem anderen Inhaber, und eine Lizenz wurde nicht nachgewiesen.",
        "impersonation": "Die Veröffentlichung gibt sich als Werk eines Künstlers aus, der daran keinen Anteil hat.",
        "voice": "Die Aufnahme ahmt die Stimme einer erkennbaren Person nach, und eine Einwilligung wurde "
        "nicht nachgewiesen.",
        "fraud": "Die Lieferung steht für keine echte Veröffentlichung.",
        "prohibited": "Der Inhalt der Veröffentlichung wird hier nicht vertrieben.",
    },
    "fr": {
        "cleared": "Les droits sur l'enregistrement reconnu ont été justifiés.",
        "different": "Nous avons comparé les deux enregistrements à l'oreille : ce n'est pas le même.",
        "own_name": "Le nom est celui de l'artiste livré ; il ne sera pas confondu avec le nom protégé.",
        "harmless": "Nous avons examiné ce qui a été signalé : tout est en ordre.",
        "disclosed": "L'usage de l'IA est confirmé ; la sortie est diffusée avec les mentions indiquées ici.",
        "content": "La sortie peut être diffusée, et les auditeurs savent de quoi il s'agit.",
        "declare": "Le fichier indique qu'un générateur l'a produit, alors que la déclaration dit « aucune "
        "IA ». Veuillez corriger la déclaration, ou nous dire comment l'enregistrement a été "
        "réalisé, puis livrer de nouveau.",
        "contradiction": "La déclaration d'IA du titre contredit ses contributeurs. Veuillez indiquer, pour "
        "chaque élément, comment il a été réalisé.",
        "licence": "L'enregistrement contient un enregistrement connu d'un autre ayant droit. Si vous "
        "détenez une licence, ajoutez-la comme relation avec son fichier, puis livrez de "
        "nouveau.",
        "rename": "Le nom d'artiste peut être confondu avec celui d'un autre artiste. Veuillez justifier "
        "que vous agissez pour cet artiste, ou livrer sous le nom propre de l'artiste.",
        "metadata": "Veuillez corriger les champs cités dans les constats, puis livrer de nouveau, en "
        "remplacement de cette livraison.",
        "audio": "Le fichier audio ne peut pas être diffusé en l'état. Veuillez livrer un master irréprochable.",
        "partly": "Certains titres ne peuvent pas être diffusés. Vous pouvez accepter les autres tels "
        "quels, ou corriger la sortie et la livrer de nouveau.",
        "infringement": "L'enregistrement appartient à un autre ayant droit, et aucune licence n'a été présentée.",
        "impersonation": "La sortie se fait passer pour l'œuvre d'un artiste qui n'y a pas pris part.",
        "voice": "L'enregistrement imite la voix d'une personne identifiable, et aucun consentement n'a été présenté.",
        "fraud": "La livraison ne correspond pas à une véritable sortie.",
        "prohibited": "Le contenu de la sortie n'est pas distribué ici.",
    },
    "es": {
        "cleared": "Se han acreditado los derechos sobre la grabación reconocida.",
        "different": "Hemos comparado las dos grabaciones de oído: no son la misma.",
        "own_name": "El nombre pertenece al artista entregado; no se confundirá con el protegido.",
        "harmless": "Hemos revisado lo señalado y está en orden.",
        "disclosed": "Se ha confirmado el uso de IA; el lanzamiento sale con las etiquetas aquí indicadas.",
        "content": "El lanzamiento puede salir, y los oyentes sabrán de qué se trata.",
        "declare": "El archivo indica que lo hizo un generador, y la declaración dice que no hay IA. "
        "Corrija la declaración, o díganos cómo se hizo la grabación, y vuelva a entregar.",
        "contradiction": "La declaración de IA de la pista contradice a sus colaboradores. Indique, para cada "
        "elemento, cómo se hizo.",
        "licence": "La grabación contiene una grabación conocida de otro titular. Si tiene una licencia, "
        "añádala como relación con su archivo y vuelva a entregar.",
        "rename": "El nombre del artista puede confundirse con el de otro. Acredite que actúa en nombre de "
        "ese artista, o entregue con el nombre propio del artista.",
        "metadata": "Corrija los campos citados en los hallazgos y vuelva a entregar, en sustitución de esta entrega.",
        "audio": "El archivo de audio no puede salir tal como está. Entregue un máster en buen estado.",
        "partly": "Algunas pistas no pueden salir. Puede aceptar las demás tal como están, o corregir el "
        "lanzamiento y volver a entregarlo.",
        "infringement": "La grabación pertenece a otro titular, y no se ha presentado ninguna licencia.",
        "impersonation": "El lanzamiento se hace pasar por obra de un artista que no participa en él.",
        "voice": "La grabación imita la voz de una persona identificable, y no se ha presentado su consentimiento.",
        "fraud": "La entrega no corresponde a un lanzamiento auténtico.",
        "prohibited": "El contenido del lanzamiento no se distribuye aquí.",
    },
    "pt": {
        "cleared": "Os direitos sobre a gravação reconhecida foram comprovados.",
        "different": "Comparámos as duas gravações de ouvido: não são a mesma.",
        "own_name": "O nome pertence ao artista entregue; não será confundido com o nome protegido.",
        "harmless": "Analisámos o que foi assinalado e está em ordem.",
        "disclosed": "O uso de IA foi confirmado; o lançamento sai com as etiquetas aqui indicadas.",
        "content": "O lançamento pode sair, e os ouvintes saberão do que se trata.",
        "declare": "O ficheiro indica que foi feito por um gerador, e a declaração diz que não há IA. "
        "Corrija a declaração, ou diga-nos como a gravação foi feita, e volte a entregar.",
        "contradiction": "A declaração de IA da faixa contradiz os seus intervenientes. Indique, para cada "
        "elemento, como foi feito.",
        "licence": "A gravação contém uma gravação conhecida de outro titular. Se tem uma licença, "
        "acrescente-a como relação com o respetivo ficheiro e volte a entregar.",
        "rename": "O nome do artista pode ser confundido com o de outro. Comprove que age em nome desse "
        "artista, ou entregue com o nome próprio do artista.",
        "metadata": "Corrija os campos referidos nas conclusões e volte a entregar, em substituição desta entrega.",
        "audio": "O ficheiro de áudio não pode sair como está. Entregue um master em boas condições.",
        "partly": "Algumas faixas não podem sair. Pode aceitar as restantes como estão, ou corrigir o "
        "lançamento e voltar a entregá-lo.",
        "infringement": "A gravação pertence a outro titular, e nenhuma licença foi apresentada.",
        "impersonation": "O lançamento faz-se passar por obra de um artista que nele não participa.",
        "voice": "A gravação imita a voz de uma pessoa identificável, e nenhum consentimento foi apresentado.",
        "fraud": "A entrega não corresponde a um lançamento genuíno.",
        "prohibited": "O conteúdo do lançamento não é distribuído aqui.",
    },
    "it": {
        "cleared": "I diritti sulla registrazione riconosciuta sono stati dimostrati.",
        "different": "Abbiamo confrontato le due registrazioni all'ascolto: non sono la stessa.",
        "own_name": "Il nome appartiene all'artista consegnato; non sarà confuso con quello protetto.",
        "harmless": "Abbiamo esaminato quanto segnalato: è in ordine.",
        "disclosed": "L'uso dell'IA è confermato; l'uscita viene distribuita con le etichette qui indicate.",
        "content": "L'uscita può essere distribuita, e gli ascoltatori sapranno di che cosa si tratta.",
        "declare": "Il file indica di essere stato prodotto da un generatore, mentre la dichiarazione dice "
        "che non c'è IA. Correggete la dichiarazione, o diteci come è stata realizzata la "
        "registrazione, e consegnate di nuovo.",
        "contradiction": "La dichiarazione di IA della traccia contraddice i suoi partecipanti. Indicate, per "
        "ogni elemento, come è stato realizzato.",
        "licence": "La registrazione contiene una registrazione nota di un altro titolare. Se avete una "
        "licenza, aggiungetela come relazione con il relativo file e consegnate di nuovo.",
        "rename": "Il nome dell'artista può essere confuso con quello di un altro. Dimostrate di agire per "
        "quell'artista, o consegnate con il nome proprio dell'artista.",
        "metadata": "Correggete i campi citati nei rilievi e consegnate di nuovo, in sostituzione di questa consegna.",
        "audio": "Il file audio non può uscire così com'è. Consegnate un master integro.",
        "partly": "Alcune tracce non possono uscire. Potete accettare le altre così come sono, o "
        "correggere l'uscita e consegnarla di nuovo.",
        "infringement": "La registrazione appartiene a un altro titolare, e non è stata presentata alcuna licenza.",
        "impersonation": "L'uscita si fa passare per l'opera di un artista che non vi ha parte.",
        "voice": "La registrazione imita la voce di una persona identificabile, e non è stato presentato "
        "alcun consenso.",
        "fraud": "La consegna non corrisponde a un'uscita autentica.",
        "prohibited": "Il contenuto dell'uscita non viene distribuito qui.",
    },
    "sv": {
        "cleared": "Rättigheterna till den igenkända inspelningen har visats.",
        "different": "Vi har lyssnat på båda inspelningarna: det är inte samma.",
        "own_name": "Namnet tillhör den levererade artisten; det förväxlas inte med det skyddade.",
        "harmless": "Vi har sett över det som rapporterades, och det är i sin ordning.",
        "disclosed": "Användningen av AI har bekräftats; utgåvan går ut med de märkningar som anges här.",
        "content": "Utgåvan kan gå ut, och lyssnarna får veta vad den är.",
        "declare": "Filen anger att en generator har gjort den, och deklarationen säger att ingen AI har "
        "använts. Rätta deklarationen, eller berätta för oss hur inspelningen gjordes, och "
        "leverera igen.",
        "contradiction": "Låtens AI-deklaration motsäger dess medverkande. Ange för varje del hur den har gjorts.",
        "licence": "Inspelningen innehåller en känd inspelning av en annan ägare. Om ni har en licens, lägg "
        "till den som relation med licensfilen, och leverera igen.",
        "rename": "Artistnamnet kan förväxlas med en annan artists. Visa att ni företräder den artisten, "
        "eller leverera under artistens eget namn.",
        "metadata": "Rätta fälten som nämns i anmärkningarna, och leverera igen som ersättning för denna leverans.",
        "audio": "Ljudfilen kan inte gå ut som den är. Leverera en felfri masterfil.",
        "partly": "Några låtar kan inte gå ut. Ni kan godta de övriga som de är, eller rätta utgåvan och "
        "leverera den igen.",
        "infringement": "Inspelningen tillhör en annan ägare, och ingen licens har visats.",
        "impersonation": "Utgåvan ger sig ut för att vara gjord av en artist som inte har någon del i den.",
        "voice": "Inspelningen härmar en identifierbar persons röst, och inget samtycke har visats.",
        "fraud": "Leveransen står inte för en äkta utgåva.",
        "prohibited": "Utgåvans innehåll distribueras inte här.",
    },
}
